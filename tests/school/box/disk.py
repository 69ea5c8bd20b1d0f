"""The disk of a host: a file system of its own in a file, above layers that all hosts share.

May live here: making, mounting, cutting. May not: what runs on it. A power cut is one here, too: ``cut`` stops the file
system without writing its journal (as xfstests' godown does), so what was never synced is lost, and mounting it again
replays the journal.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from tests.integration.demo.waiting import eventually
from tests.school.box.network import Network

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_FREE_WITHIN = 10.0
_NO_LOG_FLUSH = (2).to_bytes(4, "little")


class Disk:
    """``folder``/disk.ext4 (``size`` bytes, sparse), mounted above ``layers`` (the lowest last) at :attr:`root`."""

    def __init__(self, network: Network, folder: Path, layers: Sequence[Path], size: int) -> None:
        self._network, self._folder, self._layers = network, folder, layers
        self._image, self._store = folder / "disk.ext4", folder / "store"
        self.root = folder / "root"
        for path in (folder, self._store, self.root):
            path.mkdir(parents=True)
        with self._image.open("xb") as image:
            image.truncate(size)
        network.run("mkfs.ext4", "-q", "-m", "0", self._image)
        self._mount_store()
        for name in ("upper", "work"):
            (self.outside(self._store) / name).mkdir(mode=0o755)
        self._mount_root()

    def outside(self, path: Path) -> Path:
        """Where the tests' own process finds a path of the host's disk."""
        return self._network.seen(path)

    def cut(self) -> None:
        """Nothing reaches the disk from now on; whoever writes gets an error."""
        descriptor = os.open(self.outside(self._store), os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """All that was written so far is there for good."""
        self._network.run("sync", "--file-system", self._store)

    def mount_again(self) -> None:
        """After everything on it has ended."""
        self._network.run("umount", self.root)
        self._network.run("umount", self._store)
        # The last references go a moment after the last process; before that, mounting would find the dead file system.
        eventually(lambda: not self._network.run("losetup", "--associated", self._image), _FREE_WITHIN, "a free disk")
        self._mount_store()
        self._mount_root()

    def _mount_store(self) -> None:
        self._network.run("mount", "-o", "loop", self._image, self._store)

    def _mount_root(self) -> None:
        lower = ":".join(map(str, self._layers))
        options = f"lowerdir={lower},upperdir={self._store}/upper,workdir={self._store}/work"
        self._network.run("mount", "-t", "overlay", "overlay", "-o", options, self.root)
