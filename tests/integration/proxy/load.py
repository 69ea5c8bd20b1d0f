"""What a worker of the proxy holds, as the kernel sees it."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_LISTENS = "0A"


def rss(pid: int) -> int:
    """Bytes of memory that are its own."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def descriptors(pid: int) -> int:
    """How many it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def accepted(pid: int, ports: Iterable[int]) -> int:
    """How many connections to ``ports`` of this machine it has taken in and not closed yet."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    wanted = set(ports)
    ours = {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) in wanted and row[3] != _LISTENS}
    found = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += os.readlink(each).removeprefix("socket:[").removesuffix("]") in ours
    return found


def serves(pid: int) -> bool:
    """Whether it has begun to: the reactor has an epoll set, and the data path another one."""
    with contextlib.suppress(OSError):
        found = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
        return found.count("anon_inode:[eventpoll]") > 1
    return False


def cpu(pid: int) -> float:
    """Seconds of CPU that it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
