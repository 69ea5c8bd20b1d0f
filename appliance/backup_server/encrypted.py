"""Whether what is written into a folder is encrypted before it reaches a disk (dm-crypt, LUKS; fscrypt does not count).

May live here: the way from a folder over its mount to the devices below it, and the rule. May not: encrypting anything.
Both sides of the backup ask this of their own disk.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_SYS = Path("/sys")
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_CRYPT = "CRYPT-"
_DEEPEST = 16
_MEMORY = frozenset({"tmpfs", "ramfs"})


def encrypted(folder: Path, mounts: Path = _MOUNTS, sys: Path = _SYS) -> bool | None:
    """Whether all disks below ``folder`` are encrypted; ``None`` where that cannot be told (a network, a container).

    ``mounts`` (proc(5), mountinfo) and ``sys`` are the machine's, or made up.
    """
    try:
        found = _mount(folder, mounts.read_text(encoding="utf-8", errors="surrogateescape"))
        return None if found is None else _all_encrypted(*found, sys)
    except OSError:
        return None


def _mount(folder: Path, mounts: str) -> tuple[str, str, str] | None:
    """Device number, kind of file system and source of the last mount on the longest way to ``folder``."""
    path = os.path.realpath(folder)
    best: tuple[str, str, str] | None = None
    longest = -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, source = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(source) < 2:
            continue
        place = _plain(fields[4])
        if (path + "/").startswith(place.rstrip("/") + "/") and len(place) >= longest:
            best, longest = (fields[2], source[0], _plain(source[1])), len(place)
    return best


def _all_encrypted(number: str, kind: str, source: str, sys: Path) -> bool | None:
    if kind in _MEMORY:
        return True  # it reaches no disk of its own; swap is another matter
    devices = _of_btrfs(source, sys) if kind == "btrfs" else [sys / "dev" / "block" / number]
    said = [_encrypted(device, 0) for device in devices]
    if not said or None in said:
        return False if False in said else None
    return all(said)


def _of_btrfs(source: str, sys: Path) -> list[Path]:
    """Its several devices: btrfs has no device number of its own. In a sandbox /dev has no names of dm's devices."""
    name = Path(os.path.realpath(source)).name
    for pool in sorted((sys / "fs" / "btrfs").glob("*/devices")):
        devices = sorted(pool.iterdir())
        if name in {one for device in devices for one in (device.name, _dm_name(device))}:
            return devices
    return [sys / "class" / "block" / name]


def _dm_name(device: Path) -> str:
    try:
        return (device / "dm" / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _encrypted(device: Path, depth: int) -> bool | None:
    """Whether this device, or each of those that it is made of (LVM, md, a partition's disk), is encrypted."""
    if depth > _DEEPEST or not device.exists():
        return None
    try:
        if (device / "dm" / "uuid").read_text(encoding="ascii", errors="replace").startswith(_CRYPT):
            return True
    except FileNotFoundError:
        pass
    try:
        below = sorted((device / "slaves").iterdir())
    except FileNotFoundError:
        below = []
    if not below:
        return False
    said = [_encrypted(one, depth + 1) for one in below]
    return False if False in said else None if None in said else True


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
