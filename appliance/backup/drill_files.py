"""Where results of drills lie: signed, for who may read our folder; and the names of what was found, for root alone.

May live here: writing, signing, checking and thinning out these files. May not: what is in a result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.backup import drill_standing
from appliance.backup.drill_result import Result, encode
from appliance.backup.sign import sign, verified
from appliance.backup_server.names import next_name
from appliance.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from appliance.backup.drill_there import Finding
    from appliance.backup.intent import Own
    from appliance.daemon.whole_file import Owner

NAMESPACE: Final = "schoolserver-drill"
"""What a signature under a result is for (ssh-keygen -Y)."""

_FINDINGS_KEPT: Final = 8  # they name people's files: no longer than somebody looks into them


class DrillFiles:
    """The files below ``own``, readable for the group of ``owner``; methods raise ``OSError``."""

    def __init__(self, own: Own, owner: Owner | None) -> None:
        self._drills = drill_standing.folder(own.folder)
        self._findings = own.folder / "findings"
        self._owner = owner

    def results(self) -> list[Result]:
        """All that are kept, the newest first."""
        return [result for _, result in drill_standing.results(self._drills)]

    def keep(self, result: Result, findings: Sequence[Finding], key: Path) -> Path | None:
        """Keep ``result`` signed with ``key``, and give where its ``findings`` are named, if there are any."""
        self._make()
        data = encode(result)
        signature = sign(key, data, NAMESPACE)
        name = next_name(result.began, [path.stem for path in drill_standing.files(self._drills)[:1]])
        path = self._drills / f"{name}.json"
        write_whole(path.with_suffix(".sig"), signature, 0o640, self._owner)
        write_whole(path, data, 0o640, self._owner)  # last: what is there is signed
        (self._drills / drill_standing.PROBLEM).unlink(missing_ok=True)
        named = self._named(name, findings) if findings else None
        self._thin()
        return named

    def failed(self, text: str) -> None:
        """Keep why a drill came to no end; it names nobody."""
        self._make()
        write_whole(self._drills / drill_standing.PROBLEM, json.dumps({"problem": text}).encode(), 0o640, self._owner)

    def signed(self, public: str) -> bool:
        """Whether the last result has a signature of the key with this ``public`` half."""
        newest = next(iter(drill_standing.results(self._drills)), None)
        if newest is None:
            return False
        try:
            return verified(public, newest[0].read_bytes(), newest[0].with_suffix(".sig").read_bytes(), NAMESPACE)
        except OSError:
            return False

    def _named(self, name: str, findings: Iterable[Finding]) -> Path:
        lines = [json.dumps(asdict(one)) + "\n" for one in findings]
        path = self._findings / f"{name}.jsonl"
        write_whole(path, "".join(lines).encode("ascii"), 0o600)
        return path

    def _make(self) -> None:
        self._findings.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._drills.mkdir(mode=0o750, exist_ok=True)
        if self._owner is not None:
            os.chown(self._drills, *self._owner)
        self._drills.chmod(0o750)

    def _thin(self) -> None:
        for path in drill_standing.files(self._drills)[drill_standing.KEPT :]:
            path.unlink()
            path.with_suffix(".sig").unlink(missing_ok=True)
        for path in sorted(self._findings.iterdir(), reverse=True)[_FINDINGS_KEPT:]:
            path.unlink()
