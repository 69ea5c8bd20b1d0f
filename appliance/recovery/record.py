"""How far a recovery is, on the disk: so that one which was cut short goes on with the same snapshot.

May live here: the record and its folder. May not: doing any of it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.daemon.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Record:
    """``school`` (its user over there), the ``snapshot``, when it ``begun`` (ISO, UTC), ``seconds`` by step done.

    ``files`` came back with ``size`` bytes; ``differing`` of them are not as they were signed.
    """

    school: str
    snapshot: str
    begun: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    seconds: Mapping[str, float] = field(default_factory=dict)
    files: int = 0
    size: int = 0
    differing: int = 0

    def done(self, step: str, seconds: float) -> Record:
        """Give the same with one more step done."""
        return replace(self, seconds={**self.seconds, step: round(seconds, 1)})


@dataclass(frozen=True, slots=True)
class Folder:
    """``path`` below the state, root's alone: what is fetched on the way, and the record."""

    path: Path

    @property
    def dump(self) -> Path:
        """The dump as it came, sealed."""
        return self.path / "dump.age"

    @property
    def exports(self) -> Path:
        """The databases' exports, until they are where they belong."""
        return self.path / "exports"

    @property
    def index(self) -> Path:
        """The signed index of the snapshot."""
        return self.path / "index"

    @property
    def sections(self) -> Path:
        """The sections of the manifest, each called as its hash."""
        return self.path / "sections"

    @property
    def complaints(self) -> Path:
        """What ssh and rsync said last."""
        return self.path / "complaints"

    @property
    def differences(self) -> Path:
        """What is not as the snapshot's manifest has it, a line each."""
        return self.path / "differences"

    def make(self) -> None:
        """Make it; raises ``OSError``."""
        self.path.mkdir(mode=0o700, exist_ok=True)

    def read(self) -> Record | None:
        """Give the record of a recovery that has not come to its end, ``None``: there is none. Raises ``OSError``."""
        try:
            return Record(**json.loads((self.path / "record.json").read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise OSError(f"{self.path}/record.json is no record of a recovery") from error

    def write(self, record: Record) -> None:
        """Keep it; raises ``OSError``."""
        write_whole(self.path / "record.json", json.dumps(asdict(record), indent=1).encode(), 0o600)

    def finish(self) -> None:
        """End it: the record becomes the report, and what was fetched goes. Raises ``OSError``."""
        for path in (self.dump, self.index, self.complaints):
            path.unlink(missing_ok=True)
        for folder in (self.exports, self.sections):
            shutil.rmtree(folder, ignore_errors=True)
        (self.path / "record.json").rename(self.path / "report.json")
