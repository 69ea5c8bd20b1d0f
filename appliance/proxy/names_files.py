"""What this machine says about names: ``/etc/hosts`` and ``/etc/resolv.conf``, read again when they change.

May live here: reading these files. May not: asking anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from appliance.proxy.addresses import Address, literal

_AGAIN = 1.0
"""Seconds between two looks at the files."""
_SERVERS = 3
_SUFFIXES = 6
_T = TypeVar("_T")
Hosts = dict[str, list[Address]]
Conf = tuple[tuple[str, ...], tuple[str, ...]]


def hosts_in(lines: Iterable[str]) -> Hosts:
    """Read hosts(5): the addresses of each name (lower case), in the file's order."""
    found: dict[str, dict[Address, None]] = {}
    for line in lines:
        first, *names = line.partition("#")[0].split() or [""]
        address = literal(first)
        if address is not None:
            for name in names:
                found.setdefault(name.lower(), {})[address] = None
    return {name: list(addresses) for name, addresses in found.items()}


def conf_in(lines: Iterable[str]) -> Conf:
    """Read resolv.conf(5): the servers, this machine itself if there are none, and the suffixes of short names."""
    servers: list[str] = []
    suffixes: list[str] = []
    for line in lines:
        key, *values = line.split() or [""]
        if key == "nameserver" and values and literal(values[0]) is not None:
            servers.append(values[0])
        elif key in ("domain", "search"):
            suffixes = [value.strip(".").lower() for value in values if value.strip(".")]
    return tuple(dict.fromkeys(servers))[:_SERVERS] or ("127.0.0.1",), tuple(suffixes[:_SUFFIXES])


class Files:
    """Both files, as they were last read."""

    def __init__(self, resolv_conf: Path, hosts: Path) -> None:
        self.hosts: Hosts = {}
        self.servers, self.suffixes = conf_in(())
        self._resolv_conf = _File(resolv_conf)
        self._hosts = _File(hosts)
        self._looked = float("-inf")

    def look(self, now: float) -> bool:
        """Read what has changed, at most once a second (``now``, monotonic); whether what they say is another."""
        if now - self._looked < _AGAIN:
            return False
        self._looked = now
        before = self.hosts, self.servers, self.suffixes
        self.hosts = self._hosts.read(hosts_in, self.hosts)
        self.servers, self.suffixes = self._resolv_conf.read(conf_in, (self.servers, self.suffixes))
        return before != (self.hosts, self.servers, self.suffixes)


class _File:
    """One file, and how it looked when it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()

    def read(self, reader: Callable[[Iterable[str]], _T], before: _T) -> _T:
        """Give what ``reader`` makes of the file, ``before`` if it is as it was or cannot be read."""
        try:
            status = self._path.stat()
            seen: tuple[int, ...] = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen == self._seen:
                return before
            text = self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            seen, text = (), ""
        except OSError:
            return before
        self._seen = seen
        return reader(text.splitlines())
