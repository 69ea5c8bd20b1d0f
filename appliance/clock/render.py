"""The configuration of chrony as text. Pure; compared with golden files.

May live here: text. May not: disk, processes. Nobody outside of the school's networks gets an answer: of a server that
answers everybody, others make a weapon. Every PC of the domain needs the server's time (Kerberos bears five minutes),
also while the school is cut off: then the server's own clock counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

Network = IPv4Network | IPv6Network

_POOL: Final = "pool 2.debian.pool.ntp.org iburst"
_SOURCES: Final = frozenset({"server", "pool", "peer", "refclock", "sourcedir", "leapsectz", "leapseclist"})
_ITSELF: Final = "allow 127.0.0.1"
"""The supervisor looks how far the machine's clock is from what is given (``supervisor/probe_clock``)."""
_LOCAL: Final = """\
# A clock that is far off is set at once after the start, later only slowly: files and tickets bear no jumps.
makestep 1 3
maxupdateskew 100.0
rtcsync
# Without a source the server's own clock goes on to be given, as a poor one.
local stratum 10
# Nobody commands it over the network.
cmdport 0
# A PC that asks without end waits.
ratelimit interval 1 burst 16 leak 2
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """Where its files are, whom it asks and whom it answers.

    ``sources`` are lines of chrony's language; ``signer`` is the folder of the socket of who signs answers for PCs of
    the domain; ``state`` and ``runtime`` are its own folders, ``user`` as whom it runs once it has its port.
    """

    sources: tuple[str, ...]
    networks: tuple[Network, ...]
    signer: Path
    state: Path
    runtime: Path
    user: str


def render(clock: Clock) -> str:
    """Return chrony.conf."""
    own = (
        f"user {clock.user}",
        f"pidfile {clock.runtime}/chronyd.pid",
        f"bindcmdaddress {clock.runtime}/chronyd.sock",
        f"driftfile {clock.state}/drift",
        f"ntsdumpdir {clock.state}",
        "# Windows wants answers signed by the domain.",
        f"ntpsigndsocket {clock.signer}",
    )
    allowed = [f"allow {network}" for network in clock.networks] or ["# No network of the school is known: nobody."]
    return "\n".join((*clock.sources, *own, _LOCAL.rstrip(), "# Who gets the time.", _ITSELF, *allowed, ""))


def sources_of(servers: Iterable[str], machine: str) -> tuple[str, ...]:
    """Return whom to ask: ``servers`` (names, addresses), else as ``machine`` (Debian's chrony.conf) says."""
    return tuple(f"server {server} iburst" for server in servers) or tuple(_as_set_up(machine.splitlines())) or (_POOL,)


def _as_set_up(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        if words and words[0].lower() in _SOURCES:
            yield " ".join(words)
