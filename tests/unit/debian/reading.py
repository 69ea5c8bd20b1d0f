"""What is in debian/, as values: units with their comments, stanzas, lists of files, tmpfiles, sysusers."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DEBIAN = ROOT / "debian"
UNITS = DEBIAN / "units"
PARTS = ("common", "directory", "domain", "mail", "fileshare", "proxy", "backup")


@dataclass(frozen=True)
class Line:
    section: str
    key: str
    value: str
    reason: bool  # a comment stands above it, or above the lines that it belongs to


def lines(path: Path) -> list[Line]:
    found: list[Line] = []
    section, reason = "", False
    for text in path.read_text(encoding="utf-8").splitlines():
        if not text.strip():
            reason = False
        elif text.startswith("#"):
            reason = True
        elif text.startswith("["):
            section, reason = text.strip("[]"), False
        else:
            key, _, value = text.partition("=")
            found.append(Line(section, key, value, reason))
    return found


def values(path: Path, section: str, key: str) -> list[str]:
    """Every word that is said of ``key``."""
    return [word for line in lines(path) if (line.section, line.key) == (section, key) for word in line.value.split()]


def value(path: Path, section: str, key: str) -> str | None:
    said = [line.value for line in lines(path) if (line.section, line.key) == (section, key)]
    return said[-1] if said else None


def unit(name: str) -> Path:
    found = list(UNITS.glob(f"schoolserver-*/{name}"))
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def part_of(name: str) -> str:
    """The part (package without ``schoolserver-``) that brings the unit."""
    return unit(name).parent.name.removeprefix("schoolserver-")


def units(pattern: str) -> list[Path]:
    return sorted(UNITS.glob(f"schoolserver-*/{pattern}"))


@functools.cache
def stanzas() -> list[dict[str, list[str]]]:
    """The stanzas of debian/control: field to its items; comments are left out."""
    text = "\n".join(line for line in (DEBIAN / "control").read_text().splitlines() if not line.startswith("#"))
    return [_fields(stanza) for stanza in text.split("\n\n") if stanza.strip()]


def _fields(stanza: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    name = ""
    for line in stanza.splitlines():
        if not line.startswith(" "):
            name, _, line = line.partition(":")
            fields[name] = []
        fields[name] += [item.strip() for item in line.split(",") if item.strip()]
    return fields


def package(name: str) -> dict[str, list[str]]:
    return next(stanza for stanza in stanzas() if stanza.get("Package") == [name])


@functools.cache
def depends(part: str) -> set[str]:
    return {item.split()[0] for item in package(f"schoolserver-{part}")["Depends"]}


def modules() -> dict[str, str]:
    """Every module of ours that is packaged, ``mail/store.py``, and the part that brings it."""
    owners: dict[str, str] = {}
    for part in PARTS:
        for entry in (DEBIAN / f"schoolserver-{part}.install").read_text().splitlines():
            if "/appliance/" not in entry:
                continue
            inner = entry.partition("/appliance/")[2]
            places = sorted((ROOT / "appliance").glob(inner))
            assert places, f"{entry} of {part}: nothing is there"
            inside = [place.rglob("*.py") if place.is_dir() else [place] for place in places]
            for path in (path for path in itertools.chain(*inside) if path.suffix == ".py"):
                name = str(path.relative_to(ROOT / "appliance"))
                assert name not in owners, f"{name} is in {owners[name]} and in {part}"
                owners[name] = part
    return owners


@dataclass(frozen=True)
class Entry:
    path: str
    mode: int
    user: str
    group: str


def folders(part: str) -> Iterator[Entry]:
    for line in (DEBIAN / f"schoolserver-{part}.tmpfiles").read_text().splitlines():
        if line.startswith(("d ", "v ")):
            _, path, mode, user, group, _age = line.split()
            yield Entry(path, int(mode, 8), user, group)
