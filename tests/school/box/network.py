"""A network of its own for each run: a namespace with one bridge, and the namespace for mounts that belongs to it.

May live here: the keeper, a process that holds both namespaces, and commands in them. May not: hosts. The keeper ends,
and ends everything in its control group, when the process that tests has gone, however it went.
"""

import contextlib
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.school.box.cgroup import Cgroup

BRIDGE = "school0"
# Mounts are shared among the namespaces inside, so that what is unmounted here is in no host's either.
_KEEPER = """
mount --make-rshared /
ip link set lo up
ip link add {bridge} type bridge
ip link set {bridge} up
echo ready
cat
echo 1 > {kill}
"""
_PATIENCE = 60.0


class Network:
    """The namespaces of a run; use :func:`network`."""

    def __init__(self, keeper: subprocess.Popen[str], cgroup: Cgroup) -> None:
        self._keeper = keeper
        self.cgroup = cgroup
        self.entering = ("nsenter", f"--target={keeper.pid}", "--mount", "--net", "--")

    def run(self, *argv: str | Path) -> str:
        """Run a command of the machine in the namespaces and give its output; raise CalledProcessError."""
        return subprocess.run(
            (*self.entering, *map(str, argv)), check=True, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE
        ).stdout

    def seen(self, path: Path) -> Path:
        """Where a path inside is found from outside."""
        return Path(f"/proc/{self._keeper.pid}/root") / path.relative_to("/")


@contextlib.contextmanager
def network(cgroup: Cgroup) -> Iterator[Network]:
    """A new network without a way out; with it everything ends that runs in ``cgroup``."""
    script = _KEEPER.format(bridge=BRIDGE, kill=shlex.quote(str(cgroup.kill_file)))
    argv: Sequence[str] = ("unshare", "--mount", "--net", "--propagation=private", "sh", "-euc", script)
    keeper = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=cgroup.below("keeper").entering(),
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        if keeper.stdout.readline() != "ready\n":
            raise RuntimeError("no network namespace can be made here")
        yield Network(keeper, cgroup)
    finally:
        cgroup.end()
        keeper.wait(_PATIENCE)
        keeper.stdin.close()
        keeper.stdout.close()
