"""A file program: FTP with TLS, with the standard library's client."""

import contextlib
import ftplib
import io
import secrets
import ssl
from typing import ClassVar

from appliance.policy.account import Service
from tests.integration.services.driver import CODE, PATIENCE, Direction, Outcome
from tests.integration.support_school import School

_PIECE = bytes(262_144)


class Ftp:
    """In the home of who signed in. FTP (RFC 959) has one code, 530, for whatever stands against a sign-in."""

    name = "ftp"
    service = Service.FILES
    replies: ClassVar = {
        Outcome.SIGNED_IN: r"230 .*",
        Outcome.WRONG: r"530 Login or password are wrong\.",
        Outcome.MUST_CHANGE: rf"530 Please set a password .*{CODE}",
        Outcome.LOCKED: rf"530 This account is locked\.{CODE}",
        Outcome.NOT_OPEN: rf"530 Files are not open .*{CODE}",
        Outcome.NO_CONSENT: rf"530 Files need a consent .*{CODE}",
        Outcome.TRY_LATER: r"421 .* try again later\.",
        Outcome.PASSED: r"226 .*",
        Outcome.TOO_LARGE: rf"55[02] The file is too large\.{CODE}",
        Outcome.OVER_QUOTA: rf"552 There is not enough of your disk space .*{CODE}",
        Outcome.ENDED_LOCKED: rf"421 This account is locked\.{CODE}",
        Outcome.ENDED_CHANGED: rf"421 (Please set a password .*{CODE}|The password was changed.*)",
    }
    recorded: ClassVar = {Direction.UP: "file-stored", Direction.DOWN: "file-fetched"}

    def __init__(self, school: School, address: str = "127.0.0.1") -> None:
        self._school = school
        self._login = ""
        context = ssl.create_default_context(cafile=str(school.ca))
        self._client = ftplib.FTP_TLS(context=context, timeout=PATIENCE, source_address=(address, 0))

    def sign_in(self, login: str, password: str) -> str:
        self._login = login
        self._client.connect(*self._school.address("ftp"))
        self._client.auth()
        try:
            self._client.sendcmd(f"USER {login}")
            words = self._client.sendcmd(f"PASS {password}")
            self._client.prot_p()
        except ftplib.Error as refusal:
            return str(refusal)
        return words

    def move(self, direction: Direction, size: int) -> str:
        name = f"Referat-{secrets.token_hex(8)}.bin"
        return self._store(name, size) if direction is Direction.UP else self._fetch(name, size)

    def _store(self, name: str, size: int) -> str:
        """Send it and hear the answer, also when the service hangs up in the middle of the file."""
        try:
            with self._client.transfercmd(f"STOR /Home/{name}") as data, contextlib.suppress(OSError):
                for start in range(0, size, len(_PIECE)):
                    data.sendall(_PIECE[: size - start])
                data.unwrap()
            return self._client.voidresp()
        except ftplib.Error as refusal:
            return str(refusal)

    def _fetch(self, name: str, size: int) -> str:
        path = self._school.put(self._school.home(self._login) / name, bytes(size))
        came = io.BytesIO()
        try:
            words = self._client.retrbinary(f"RETR /Home/{name}", came.write, len(_PIECE))
        except ftplib.Error as refusal:
            return str(refusal)
        finally:
            path.unlink()
        assert came.getbuffer() == bytes(size)
        return words

    def delete(self, name: str) -> None:
        """Delete one's own file."""
        self._client.delete(f"/Home/{name}")

    def edge(self, limit: int, direction: Direction) -> int | None:
        return limit

    def open(self) -> bool:
        with contextlib.suppress(ftplib.Error, EOFError, OSError):
            return self._client.sendcmd("NOOP").startswith("200")
        return False

    def last_words(self, within: float) -> str:
        self._client.sock.settimeout(within)
        try:
            words = self._client.getresp()
        except ftplib.Error as reply:
            words = str(reply)
        with contextlib.suppress(EOFError):
            raise AssertionError(f"goes on after {words!r}: {self._client.getline()!r}")
        return words

    def close(self) -> None:
        self._client.close()
