"""The demo's proof of files: real FTP with TLS, as a file program at home does it.

May live here: what is exchanged and what must come back. May not: how a line is printed.
"""

from __future__ import annotations

import contextlib
import ftplib
import io
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.demo.accounts import DemoAccount
    from appliance.demo.proof import School

_PATIENCE = 10.0
_AT_ONCE = 2.0
"""Seconds within which a lock acts everywhere (K18)."""
_SIZE = 64 * 1024
_TOO_LARGE = 25_000_000


def _put_and_get(school: School) -> tuple[bool, str]:
    """A pupil stores a file in his home, finds it and gets it back; nobody else's home is to be seen."""
    name, content, came = f"Referat-{secrets.token_hex(4)}.bin", secrets.token_bytes(_SIZE), io.BytesIO()
    with _signed_in(school, school.pupil) as ftp:
        ftp.storbinary(f"STOR /Home/{name}", io.BytesIO(content))
        listed = name in ftp.nlst("/Home")
        ftp.retrbinary(f"RETR /Home/{name}", came.write)
        ftp.delete(f"/Home/{name}")
        others = [_answer(ftp, f"CWD /{path}/{school.teacher.login}") for path in ("Home", "Home/..", "homes")]
    whole = listed and came.getvalue() == content
    invisible = all(code == 550 for code in others)
    return whole and invisible, f"{len(came.getvalue())} bytes came back from /Home, other homes: {others}"


def _shared(school: School) -> tuple[bool, str]:
    """What a pupil puts into the folder of a group, a teacher of it gets; the staff folder is not the pupil's."""
    common = sorted(set(school.pupil.groups) & set(school.teacher.groups))
    if not common:
        return False, "pupil and teacher have no group in common"
    path, content, came = f"/Groups/{common[0]}/{secrets.token_hex(4)}.bin", secrets.token_bytes(_SIZE), io.BytesIO()
    with _signed_in(school, school.pupil) as pupil, _signed_in(school, school.teacher) as teacher:
        pupil.storbinary(f"STOR {path}", io.BytesIO(content))
        teacher.retrbinary(f"RETR {path}", came.write)
        teacher.delete(path)
        staff = _answer(teacher, "CWD /Staff"), _answer(pupil, "CWD /Staff")
    good = came.getvalue() == content and staff == (250, 550)
    return good, f"shared in /Groups/{common[0]}; /Staff answers the teacher {staff[0]}, the pupil {staff[1]}"


def _too_large(school: School) -> tuple[bool, str]:
    """25 MB are refused with 552 and leave nothing (K12)."""
    name = f"{secrets.token_hex(4)}.bin"
    with _signed_in(school, school.pupil) as ftp:
        answer = "stored"
        try:
            ftp.storbinary(f"STOR /Home/{name}", io.BytesIO(bytes(_TOO_LARGE)))
        except ftplib.error_perm as refusal:
            answer = str(refusal)
        left = name in ftp.nlst("/Home")
    return answer.startswith("552") and not left, f"{answer}; {'something' if left else 'nothing'} is left of it"


def _in_clear(school: School) -> tuple[bool, str]:
    """No login is taken before TLS (K06)."""
    listen = school.settings.network.listen["ftp"]
    with ftplib.FTP(timeout=_PATIENCE) as ftp:  # noqa: S321 - to see it refused
        ftp.connect(str(listen.host), listen.port)
        code = _answer(ftp, f"USER {school.pupil.login}")
    return code == 530, f"USER without TLS is answered {code}"


def _lock(school: School) -> tuple[bool, str]:
    """A lock ends the open session within two seconds, unlocked it can sign in again (K18)."""
    with contextlib.ExitStack() as stack:
        ftp = stack.enter_context(_signed_in(school, school.pupil))
        began = time.monotonic()
        school.client.call("users.lock", {"login": school.pupil.login, "reason": "the demo proves a lock"})
        try:
            code = _heard(ftp)
            took = time.monotonic() - began
        finally:
            school.client.call("users.unlock", {"login": school.pupil.login})
    with _signed_in(school, school.pupil):
        pass
    return code == 421 and took < _AT_ONCE, f"open session ended with {code} after {took:.1f} s, unlocked again"


def _heard(ftp: ftplib.FTP) -> int:
    """The code of what the server says by itself."""
    try:
        return int(ftp.getresp()[:3])
    except ftplib.Error as reply:
        return int(str(reply)[:3])


def _answer(ftp: ftplib.FTP, command: str) -> int:
    try:
        return int(ftp.sendcmd(command)[:3])
    except ftplib.Error as reply:
        return int(str(reply)[:3])


@contextlib.contextmanager
def _signed_in(school: School, who: DemoAccount) -> Iterator[ftplib.FTP_TLS]:
    listen = school.settings.network.listen["ftp"]
    context = ssl.create_default_context(cafile=str(school.ca))
    with ftplib.FTP_TLS(context=context, timeout=_PATIENCE) as ftp:  # noqa: S321 - inside TLS
        ftp.connect(str(listen.host), listen.port)
        ftp.login(who.login, who.password)
        ftp.prot_p()
        yield ftp


EXCHANGES: tuple[tuple[str, Callable[[School], tuple[bool, str]]], ...] = (
    ("files: home over FTP", _put_and_get),
    ("files: group and staff folders", _shared),
    ("files: 25 MB", _too_large),
    ("files: in clear text", _in_clear),
    ("files: lock", _lock),
)
