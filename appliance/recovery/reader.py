"""What a recovery asks of the backup server, which lets this key read and nothing else.

May live here: the words of the receiver, and its answers, checked. May not: where things go on this machine. The backup
server is not believed: the index has the school's signature, and all else a hash that the index says.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from appliance.backup import argv
from appliance.backup.intent import SecondPlace
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Figures, Runner
from appliance.backup.sign import verified
from appliance.backup_server.manifest import Index, ManifestError
from appliance.recovery.owners import Owners

Percent = Callable[[int], None]


class Reader:
    """Asks the backup server at ``place``; what ssh and rsync complain of goes to the file ``complaints``."""

    def __init__(self, place: SecondPlace, complaints: Path) -> None:
        self._place = place
        self._complaints = complaints
        self._runner = Runner(None, complaints)

    def snapshots(self) -> list[dict[str, Any]]:
        """Give what there is, as ``list`` says it; raises :class:`BackupError`."""
        found = self._runner.ask(argv.ask(self._place, "list")).get("snapshots")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise BackupError("refused", "the backup server answers strangely; are both machines of the same version?")
        return found

    def index(self, snapshot: str, signing_key: str) -> Index:
        """Give the index of ``snapshot``, which ``signing_key`` has signed; raises :class:`BackupError`."""
        lines: list[dict[str, Any]] = []
        self._runner.follow(argv.ask(self._place, f"index {snapshot}"), lines.append)
        try:
            said = {name: base64.b64decode(text) for line in lines for name, text in line.items()}
            data, signature = said["index"], said["signature"]
        except (KeyError, TypeError, ValueError) as error:
            raise BackupError("refused", "the backup server gives no index") from error
        if not verified(signing_key, data, signature):
            raise BackupError(
                "refused",
                "the snapshot was not signed with the key on the sheet: the sheet is of another pairing, or somebody"
                " has changed what is on the backup server. Nothing of it is taken",
            )
        try:
            return Index.decode(data)
        except ManifestError as error:
            raise BackupError("refused", f"the snapshot's index cannot be read: {error}") from error

    def sections(self, snapshot: str, index: Index, into: Path) -> None:
        """Fetch those of ``index`` that are not in the folder ``into`` yet; raises :class:`BackupError`."""
        into.mkdir(mode=0o700, exist_ok=True)
        if missing := sorted(name.encode() for _, name in index.sections if not (into / name).exists()):
            self._fetch(f"snapshots/{snapshot}/sections", missing, into, ())

    def dump(self, snapshot: str, sha256: str, into: Path) -> int:
        """Fetch the dump to the file ``into``, sealed as it is, and give its bytes; raises :class:`BackupError`."""
        into.unlink(missing_ok=True)
        found = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(into, flags, 0o600), "wb") as output:

            def take(data: bytes) -> None:
                found.update(data)
                output.write(data)

            self._runner.stream(argv.ask(self._place, f"dump {snapshot}"), take)
            size = output.tell()
            output.flush()
            os.fsync(output.fileno())
        if found.hexdigest() != sha256:
            raise BackupError("refused", "the dump is not the one that the school has signed; take another --date")
        return size

    def deleted(self) -> bytes:
        """Give the list of the accounts that were deleted for good; raises :class:`BackupError`."""
        pieces: list[bytes] = []
        self._runner.stream(argv.ask(self._place, "deleted"), pieces.append)
        return b"".join(pieces)

    def part(self, source: str, paths: Iterable[bytes], into: Path, owners: Owners, percent: Percent) -> Figures:
        """Fetch these ``paths`` of ``source`` (SNAPSHOT/PART) into the part's folder ``into``, each file its owner's.

        It can be cut and done again: what has come already does not come twice. Raises :class:`BackupError`
        (``unreadable``: some did not come).
        """
        return self._fetch(f"snapshots/{source}", paths, into, owners.words(), percent)

    def _fetch(
        self, source: str, paths: Iterable[bytes], into: Path, words: Sequence[str], percent: Percent = lambda _: None
    ) -> Figures:
        listed = self._complaints.with_name("listed")
        with os.fdopen(os.open(listed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.writelines(path + b"\0" for path in paths)
        try:
            return self._runner.rsync(argv.fetch_all(self._place, source, listed, into, words), percent)
        finally:
            listed.unlink()
