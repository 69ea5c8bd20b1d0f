"""Work that goes on beside a scenario: a client that hands in mail, uploads files or asks for pages; any command.

May live here: starting it, waiting for what it says, ending it. May not: what must be true of it.
"""

import contextlib
import os
import select
import time
from collections.abc import Iterator

from tests.school.box.host import Host

_PATIENCE = 60.0


class Load:
    """A running command; :attr:`said` is all it said so far, a line each."""

    def __init__(self, host: Host, command: str) -> None:
        self._process = host.start(f"exec {command}")
        self._rest = b""
        self.said: list[str] = []

    def until(self, beginning: str, times: int = 1, within: float = _PATIENCE) -> None:
        """Wait until ``times`` more lines begin so."""
        deadline = time.monotonic() + within
        wanted = self._count(beginning) + times
        while self._count(beginning) < wanted:
            if not self._take(deadline - time.monotonic()):
                raise AssertionError(f"no {times} lines of {beginning!r} in {within:g} s; the last: {self.said[-5:]}")

    def end(self) -> list[str]:
        """Let it finish what it does, and give all it said."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        while self._take(_PATIENCE):
            pass
        self._process.wait(_PATIENCE)
        return self.said

    def all(self, beginning: str) -> list[list[str]]:
        """The words after the beginning, of each line that begins so."""
        return [line.split()[1:] for line in self.said if line.split()[:1] == [beginning]]

    def stop(self) -> None:
        """At once."""
        self._process.kill()
        self._process.wait()

    def _count(self, beginning: str) -> int:
        return sum(line.startswith(beginning) for line in self.said)

    def _take(self, patience: float) -> bool:
        """Take what it says next; whether there was something."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], max(0.0, patience))[0]:
            return False
        piece = os.read(self._process.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.said += [line.decode(errors="replace") for line in lines]
        return bool(piece)


@contextlib.contextmanager
def loads(host: Host, *each: str) -> Iterator[list[Load]]:
    """Several clients (arguments of ``client.py``) at once, ended however the scenario ends."""
    running = [Load(host, f"client.py {arguments}") for arguments in each]
    try:
        yield running
    finally:
        for load in running:
            load.stop()
