"""The nightly backup against rsync --link-dest, borg and restic: 200,000 files of which one in a hundred changed.

Each copies a tree of its own over ssh to this machine, all warm. Ours is the whole run: dump, look, sending, the commit
over there with its flushes, reading back. What the backup server then clears up and links ahead for the next night is a
row of its own: nobody waits for it. Plain rsync is measured as it is used, flushing nothing; borg does not encrypt;
restic cannot help it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.backup_server import disk
from appliance.demo import sshd
from appliance.settings.load import load
from bench import backup_peers
from bench.backup_peers import Borg, Copier, Restic, Rsync, prepared
from bench.backup_tree import Tree
from bench.harness import Row
from tests.integration.demo.waiting import eventually
from tests.integration.support_btrfs import btrfs, hindrance
from tests.integration.support_ports import free_port

_ROOT = Path(__file__).resolve().parents[1]
_NEEDED = ("rsync", "borg", "restic", "age")
_GOAL, _GOAL_BTRFS, _LIMIT_RESTORE = 2.0, 4.0, 2.0


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows once each has made its first copy. Needs root and the peers."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(f"backup: skipped; needs {', '.join(missing) or 'root'} (make deps-test)")
        yield ()
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp")))
        folder.chmod(0o755)
        line = stack.enter_context(backup_peers.line(folder / "line"))
        ours = _Timed(Ours(folder / "ours", stack))
        trees = {kind: folder / kind.__name__ / "homes" for kind in (Rsync, Borg, Restic)}
        rsync, borg, restic = (
            _Timed(prepared(kind, Tree(homes), homes, folder / f"{kind.__name__}-to", line))
            for kind, homes in trees.items()
        )
        found = [
            _night(ours, rsync, "rsync --link-dest", _GOAL),
            _night(ours, borg, "borg", 1.0),
            _night(ours, restic, "restic", 1.0),
        ]
        if not hindrance():
            place = folder / "btrfs" / "second-place"
            place.mkdir(parents=True)
            stack.enter_context(btrfs(place))
            found.append(
                _night(_Timed(Ours(folder / "btrfs", stack)), rsync, "rsync --link-dest", _GOAL_BTRFS, "btrfs")
            )
        found.append(Row("Backup: made ready, afterwards", "s", False, ours.linked_ahead, rsync.linked_ahead, "rsync"))
        for peer, name in ((rsync, "rsync"), (borg, "borg"), (restic, "restic")):
            limit = _LIMIT_RESTORE if peer is rsync else None
            found.append(
                Row("Backup: one file back", "s", False, ours.restore, peer.restore, name, limit=limit, series="one")
            )
        yield tuple(found)


def _night(ours: _Timed, peer: _Timed, name: str, goal: float, where: str = "ext4") -> Row:
    return Row(f"Backup: a night on {where}", "s", False, ours.copy, peer.copy, name, goal, series="night")


class _Timed:
    """Takes the time of a copier (s)."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier
        self.after: list[float] = []

    def copy(self) -> float:
        self._copier.tree.change()
        found = _seconds(self._copier.copy)
        self.after.append(_seconds(self._copier.settle))
        return found

    def linked_ahead(self) -> float:
        """What was done when the last copy was over."""
        return self.after[-1]

    def restore(self) -> float:
        with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp") as target:
            return _seconds(lambda: self._copier.restore(self._copier.tree.one(), Path(target)))


class Ours:
    """A school of homes alone and its backup server, both below ``folder``."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        etc, homes = folder / "etc", folder / "srv" / "homes"
        for one in (etc, folder / "var", *(folder / "srv" / part for part in ("homes", "groups", "mail"))):
            one.mkdir(parents=True)
        self.tree = Tree(homes)
        self._etc = etc
        (etc / "server.yaml").write_text(
            f"state: {folder}/var\nruntime: {folder}/run\ndata: {folder}/srv\nlauncher: children\nidentity: numbers\n"
        )
        wanted = sshd.settings_for(free_port())
        (etc / "backup.yaml").write_text("".join(f"{name}: {value}\n" for name, value in wanted.items()))
        self._snapshots = stack.enter_context(sshd.second_place(folder, load(etc), _ROOT))
        self.copy()
        self.settle()

    def copy(self) -> None:
        """Make a backup."""
        self._do("run")

    def settle(self) -> None:
        """Wait until the backup server has cleared up and, but on btrfs, linked the newest snapshot ahead."""
        work = self._snapshots.parent / "work"
        eventually(lambda: not (work / "spent").exists(), 300)
        if not disk.is_btrfs(self._snapshots):
            ready = work / f"ready-{max(one.name for one in self._snapshots.iterdir())}"
            eventually(ready.is_dir, 300)

    def restore(self, path: Path, _target: Path) -> None:
        """Bring one file back into the home that it is from."""
        login, *rest = path.parts
        number = int(login.removeprefix("kind.nr"))
        self._do("restore", part="homes", name=login, number=20_000 + number, paths=["/".join(rest)])

    def _do(self, action: str, **arguments: object) -> None:
        words = ["/usr/bin/python3", "-P", "-m", "appliance.backup", action, "--settings", str(self._etc)]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT), "LANG": "C.UTF-8"}
        done = subprocess.run(
            words, input=json.dumps(arguments), check=False, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise OSError(f"{action} failed: {done.stdout[-500:]}{done.stderr[-500:]}")


def _seconds(work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
