"""Some clients that upload one file after the other, and what must be true of these files whatever happens meanwhile.

May live here: the clients, what they were told, the promise. May not: what happens to the server.
"""

from __future__ import annotations

import contextlib
import ftplib
import random
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.integration.fileshare.school import FRED, School
from tests.integration.support_crash import Load, at_work

_CLIENTS, _LARGEST, _PIECE = 3, 400_000, 30_000


@dataclass(slots=True)
class Fate:
    """Of one name: the newest version that the server acknowledged, and the newest that was sent to its end."""

    acknowledged: int | None = None
    sent: int | None = None


@dataclass(slots=True, kw_only=True)
class Uploads(Load):
    """What the clients did below ``folder``; made by :func:`uploading`."""

    school: School
    folder: str
    fates: dict[str, Fate] = field(default_factory=dict)

    def allowed(self, name: str) -> list[bytes | None]:
        """What may be there by ``name``: the acknowledged, or what was sent to its end; ``None`` is no file."""
        fate = self.fates[name]
        found: list[bytes | None] = [None if fate.acknowledged is None else content(name, fate.acknowledged)]
        if fate.sent is not None and fate.sent != fate.acknowledged:
            found.append(content(name, fate.sent))
        return found

    def run(self, number: int) -> None:
        """Be the client ``number``: new names, and in between one name again and again."""
        for version in range(10_000):
            name = f"{number}-again" if version % 3 == 0 else f"{number}-{version}"
            while not self.over:
                # OSError, EOFError and ftplib's own are what a server that dies looks like
                with contextlib.suppress(*ftplib.all_errors), self.school.ftp(FRED) as client:
                    self._store(client, name, version)
                    break
            if self.over:
                return

    def _store(self, client: ftplib.FTP_TLS, name: str, version: int) -> None:
        fate = self.fates.setdefault(name, Fate())
        data = client.transfercmd(f"STOR {self.folder}/{name}")
        with data:
            whole = content(name, version)
            for start in range(0, len(whole), _PIECE):
                self.step()
                data.sendall(whole[start : start + _PIECE])
            self.step()
            fate.sent = version
            data.unwrap()
        self.step()
        client.voidresp()
        fate.acknowledged = version
        self.step()


def content(name: str, version: int) -> bytes:
    """What is uploaded: other bytes for each version, of a length that is small more often than large."""
    chance = random.Random(f"{name} {version}")
    return chance.randbytes(int(_LARGEST ** chance.random()))


def uploading(school: School, folder: str, chance: random.Random) -> AbstractContextManager[Uploads]:
    """Let the clients work below ``folder`` until the end of the ``with``; no upload is under way afterwards."""
    return at_work(Uploads(school=school, folder=folder, chance=chance), _CLIENTS)
