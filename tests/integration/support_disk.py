"""A small disk of its own for a test, whose power can be cut and which can stand still. Needs root.

May live here: making, mounting, cutting, freezing. May not: what runs on it. A cut stops the file system without
writing its journal (as xfstests' godown does): what was never put on stable storage is lost, and mounting replays the
journal.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_NO_LOG_FLUSH = (2).to_bytes(4, "little")
_FREEZE, _THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW
_SIZE = 2 * 1024**3  # more than what the services leave free; sparse


class Disk:
    """An ext4 file system mounted at ``root``; made by :func:`disk`."""

    def __init__(self, root: Path, folder: Path, size: int) -> None:
        self.root = root
        self._folder = folder
        self._number = 0
        with self._image.open("xb") as image:
            image.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-J", "size=8", self._image], check=True)
        self._mount()

    def sync(self) -> None:
        """All that was written so far is there for good."""
        subprocess.run(["sync", "--file-system", self.root], check=True)

    def cut(self) -> None:
        """Nothing reaches the disk from now on; whoever writes gets an error."""
        self._control(_SHUTDOWN, _NO_LOG_FLUSH)

    def power_on(self) -> None:
        """Mount what reached the disk, after everything on it has ended.

        A copy of it: the former device lives on as long as any mount namespace of the machine holds it.
        """
        former = self._image
        self._number += 1
        subprocess.run(["cp", "--sparse=always", former, self._image], check=True)
        self.unmount()
        former.unlink()
        self._mount()

    def commits(self) -> int:
        """How often its journal was committed so far."""
        device = os.stat(self.root).st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        return int(Path(f"/proc/fs/jbd2/{name}-8/info").read_text().split()[0])

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let whoever writes wait until the end, as he does for a disk that does not answer."""
        self._control(_FREEZE, 0)
        try:
            yield
        finally:
            self._control(_THAW, 0)

    def unmount(self) -> None:
        """Take it away; for :func:`disk`."""
        subprocess.run(["umount", self.root], check=True)

    @property
    def _image(self) -> Path:
        return self._folder / f"disk{self._number}.ext4"

    def _mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self._image, self.root], check=True)

    def _control(self, request: int, argument: int | bytes) -> None:
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, request, argument)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def disk(root: Path, size: int = _SIZE) -> Iterator[Disk]:
    """Mount a new one of ``size`` bytes at ``root`` until the end."""
    folder = Path(tempfile.mkdtemp(prefix="ss-disk-", dir="/tmp"))
    try:
        made = Disk(root, folder, size)
        try:
            yield made
        finally:
            made.unmount()
    finally:
        shutil.rmtree(folder)
