"""Reading from the backup server: which snapshots there are, what one of them says about a unit, files of it.

May live here: asking its receiver, and believing what our own key has signed and nothing else. May not: what is read
for what (``restore``). A section is believed if its hash stands in the snapshot's index, and the index if we signed it;
what is fetched is compared with the section by whoever uses it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.backup import argv
from appliance.backup.days import SNAPSHOT
from appliance.backup.intent import Own, SecondPlace, own_folder, second_place
from appliance.backup.line import shared
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup.sign import verified
from appliance.backup_server.manifest import MOST_BYTES, Index, ManifestError, Section, digest
from appliance.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_WRONG = "what the backup server says of that snapshot is not what this school signed; look after it, and tell the head"


class Reader:
    """Reads from ``place`` with ``runner``; every call raises :class:`BackupError`."""

    def __init__(self, place: SecondPlace, own: Own, runner: Runner) -> None:
        self._place = place
        self._own = own
        self._runner = runner

    def snapshots(self) -> list[str]:
        """The names of all snapshots, the oldest first."""
        found = self._runner.ask(argv.ask(self._place, "list")).get("snapshots", [])
        names = [one.get("name") for one in found if isinstance(one, dict)]
        return sorted(name for name in names if isinstance(name, str) and SNAPSHOT.fullmatch(name))

    def section(self, snapshot: str, part: str, unit: str) -> Section:
        """What ``snapshot`` says of a unit; ``no-copy`` if it has none, ``damaged`` if that is not to be believed."""
        index = self._index(snapshot)
        words = shlex.join(("section", snapshot, part, unit))
        try:
            data = self._all(words)
        except BackupError as error:
            if error.kind != "refused":
                raise
            raise BackupError("no-copy", "that snapshot has nothing of it; was it another day?") from error
        try:
            section = Section.decode(data)
        except ManifestError as error:
            raise BackupError("damaged", _WRONG) from error
        if (part, digest(data)) not in index.sections or (section.part, section.unit) != (part, unit):
            raise BackupError("damaged", _WRONG)
        return section

    def files(self, snapshot: str, part: str, paths: Iterable[bytes], into: Path) -> None:
        """Fetch ``paths`` (below ``part``) into the folder ``into``; what is not there is passed over."""
        listed = into.with_name(f"{into.name}.paths")
        try:
            write_whole(listed, b"".join(b"./%s\0" % path for path in paths), 0o600)
            self._runner.rsync(argv.fetch_listed(self._place, snapshot, part, listed, into))
        except BackupError as error:
            if error.kind != "unreadable":
                raise
        except OSError as error:
            raise BackupError("disk", f"{error.strerror}: the list of what is fetched") from error
        finally:
            listed.unlink(missing_ok=True)

    def _all(self, words: str) -> bytes:
        pieces: list[bytes] = []
        left = MOST_BYTES

        def take(data: bytes) -> None:
            nonlocal left
            left -= len(data)
            if left < 0:
                raise BackupError("damaged", _WRONG)
            pieces.append(data)

        self._runner.stream(argv.ask(self._place, words), take)
        return b"".join(pieces)

    def _index(self, snapshot: str) -> Index:
        answer = self._runner.ask(argv.ask(self._place, shlex.join(("index", snapshot))))
        try:
            data, signature = (base64.b64decode(_text(answer, name), validate=True) for name in ("index", "signature"))
            index = Index.decode(data)
        except ValueError as error:
            raise BackupError("damaged", _WRONG) from error
        if not any(verified(key, data, signature) for key in own_keys(self._own)):
            raise BackupError("damaged", _WRONG)
        return index


@contextlib.contextmanager
def reader(settings: Settings, runner: Runner) -> Iterator[Reader]:
    """Read from the backup server of these settings over one connection; raises :class:`BackupError`."""
    place, own = second_place(settings), own_folder(settings)
    own.make()
    with shared(place, own.runtime / f"reading-{os.getpid()}") as line:
        yield Reader(line, own, runner)


def own_keys(own: Own) -> list[str]:
    """The public halves of our key, and of those that this school had before: a line each in ``former.pub``."""
    found = []
    for name in ("key.pub", "former.pub"):
        with contextlib.suppress(FileNotFoundError):
            found += (own.keys / name).read_text(encoding="ascii", errors="replace").splitlines()
    return [line for line in found if line.strip()]


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise ManifestError(f"no {name}")
    return value
