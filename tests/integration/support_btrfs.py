"""A small btrfs of its own for a test, in a file. Needs root, and a kernel that knows btrfs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_SIZE = 4 * 1024**3  # more than what the services leave free; sparse


@cache
def hindrance() -> str:
    """Say why there can be none here, empty if nothing is in the way: it is tried once."""
    if os.geteuid() != 0:
        return "only root mounts a disk"
    if shutil.which("mkfs.btrfs", path="/usr/sbin:/sbin:/usr/bin") is None:
        return "mkfs.btrfs is not installed (btrfs-progs)"
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as folder:
        try:
            with btrfs(Path(folder)):
                return ""
        except subprocess.CalledProcessError as error:
            return f"{' '.join(map(str, error.cmd[:3]))} failed here: {error.stderr.strip()}"


@contextlib.contextmanager
def btrfs(root: Path) -> Iterator[Path]:
    """Mount an empty one at ``root`` while inside; whatever namespace holds it longer, its file goes with it."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as folder:
        image = Path(folder) / "disk"
        with image.open("xb") as file:
            file.truncate(_SIZE)
        _run("mkfs.btrfs", "-q", image)
        _run("mount", "-o", "loop", image, root)
        try:
            yield root
        finally:
            _run("umount", root)


def _run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)
