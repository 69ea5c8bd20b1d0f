"""Some clients that upload one file after the other, and what must be true of these files whatever happens meanwhile.

May live here: the clients, what they were told, the promise. May not: what happens to the server.
"""

from __future__ import annotations

import contextlib
import ftplib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.integration.fileshare.school import FRED, School

_CLIENTS, _LARGEST, _PIECE = 3, 400_000, 30_000
_PATIENCE = 30.0


@dataclass(slots=True)
class Fate:
    """Of one name: the newest version that the server acknowledged, and the newest that was sent to its end."""

    acknowledged: int | None = None
    sent: int | None = None


@dataclass(slots=True)
class Uploads:
    """What the clients did below ``folder``. ``steps`` counts all that happened; made by :func:`uploading`."""

    school: School
    folder: str
    chance: random.Random
    steps: int = 0
    fates: dict[str, Fate] = field(default_factory=dict)
    _turn: threading.Condition = field(default_factory=threading.Condition)
    _over: bool = False

    def after(self, steps: int) -> None:
        """Wait until so many more steps are done."""
        with self._turn:
            wanted = self.steps + steps
            assert self._turn.wait_for(lambda: self.steps >= wanted, _PATIENCE), f"{self.steps} of {wanted} steps"

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
            while not self._over:
                # OSError, EOFError and ftplib's own are what a server that dies looks like
                with contextlib.suppress(*ftplib.all_errors), self.school.ftp(FRED) as client:
                    self._store(client, name, version)
                    break
            if self._over:
                return

    def end(self) -> None:
        """Begin nothing more."""
        self._over = True

    def _store(self, client: ftplib.FTP_TLS, name: str, version: int) -> None:
        fate = self.fates.setdefault(name, Fate())
        data = client.transfercmd(f"STOR {self.folder}/{name}")
        with data:
            whole = content(name, version)
            for start in range(0, len(whole), _PIECE):
                self._step()
                data.sendall(whole[start : start + _PIECE])
            self._step()
            fate.sent = version
            data.unwrap()
        self._step()
        client.voidresp()
        fate.acknowledged = version
        self._step()

    def _step(self) -> None:
        with self._turn:
            self.steps += 1
            self._turn.notify_all()


def content(name: str, version: int) -> bytes:
    """What is uploaded: other bytes for each version, of a length that is small more often than large."""
    chance = random.Random(f"{name} {version}")
    return chance.randbytes(int(_LARGEST ** chance.random()))


@contextlib.contextmanager
def uploading(school: School, folder: str, chance: random.Random) -> Iterator[Uploads]:
    """Let the clients work below ``folder`` until the end of the ``with``; no upload is under way afterwards."""
    uploads = Uploads(school, folder, chance)
    clients = [threading.Thread(target=uploads.run, args=[number]) for number in range(_CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield uploads
    finally:
        uploads.end()
        for client in clients:
            client.join(_PATIENCE)
    assert not any(client.is_alive() for client in clients)
