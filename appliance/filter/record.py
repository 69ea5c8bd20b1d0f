"""How the lists stand: which version of each we have, since when, what went wrong with it, what the index holds.

May live here: the record in the folder of lists, which other services may read, and where things are in that folder.
May not: changing a list (``update``), what the carer is told (``standing``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from appliance.daemon.whole_file import write_whole

INDEX: Final = "web.index"
"""The index that workers map, in the folder of lists."""

LISTS: Final = "lists"
"""The folder of the lists as they were fetched, in the folder of lists; each is called by its item's key."""
MODE: Final = 0o640
"""Of files that other services read: the folder gives them their group."""

_NAME = "record.json"


class Version(NamedTuple):
    """Which version of a list a file is: what the server called it, and the SHA-256 of its bytes."""

    etag: str = ""
    modified: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """One list as we have it: ``version`` came at ``changed``, was the newest at ``checked`` (aware; ``None``: never).

    ``entries`` by category; ``left_out`` are domains that cover too much. ``problem`` is why the last attempt got
    nothing new; ``refused`` says that something was there but was not taken.
    """

    version: Version = field(default_factory=Version)
    changed: datetime | None = None
    checked: datetime | None = None
    entries: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    problem: str = ""
    refused: bool = False

    @property
    def count(self) -> int:
        """Entries of all categories."""
        return sum(self.entries.values())


@dataclass(frozen=True, slots=True)
class Record:
    """``lists`` by key of the item; the index was ``made`` of ``stamp`` and has ``entries`` by category.

    ``left_out``: so many expressions are not in it. ``tried``: when an update ended last. ``problem``: why no index
    could be made.
    """

    lists: Mapping[str, Kept] = field(default_factory=dict)
    tried: datetime | None = None
    made: datetime | None = None
    stamp: str = ""
    entries: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0
    problem: str = ""


def folder_of(state: Path) -> Path:
    """Where lists, record and index are, below the folder ``state`` of the settings."""
    return state / "filter"


def read(folder: Path) -> Record:
    """Give the record in ``folder``, an empty one where there is none; raises ``OSError``, ``ValueError`` if broken."""
    try:
        kept = json.loads((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return Record()
    try:
        lists = {key: _kept(one) for key, one in kept.pop("lists").items()}
        return replace(Record(**kept), lists=lists, tried=_instant(kept["tried"]), made=_instant(kept["made"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("the record of the lists is of another version") from error


def write(folder: Path, record: Record) -> None:
    """Keep ``record``; raises ``OSError``."""
    kept = json.dumps(asdict(record), default=datetime.isoformat, indent=1)
    write_whole(folder / _NAME, kept.encode(), MODE)


def _kept(said: dict[str, Any]) -> Kept:
    times = {name: _instant(said[name]) for name in ("changed", "checked")}
    return Kept(**{**said, **times, "version": Version(*said["version"]), "left_out": tuple(said["left_out"])})


def _instant(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
