"""Files over FTP with TLS, against vsftpd and proftpd, all on tmpfs; each server has people sign in with a password.

Ours signs in against a real directory whose hashing is made cheap, decides, counts, records events and calls fsync. Its
password service remembers a right password as ever (decision 16), so each log-on asks the directory, but few hash.
There are no rows without TLS: ours answers 521 to whoever wants his files in clear (K06), so such a figure of a peer
has nothing of ours beside it; its ``sendfile`` is what encryption costs, not what our code costs. Memory is that of the
processes that serve files; the password service serves mail, proxy and others too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial

from bench.ftp_client import Server
from bench.ftp_peers import proftpd, vsftpd
from bench.harness import Row
from tests.integration.fileshare.school import FRED, start_school
from tests.integration.support_parts import PASSWORD

SIZE = 256 * 1024 * 1024
_TMPFS = "/dev/shm"
_SETTINGS = (
    "workers: 1\nconnections: 2000\nconnections_per_address: 2000\nsessions_per_person: 1000\nidle_timeout: 1 h\n"
)
_FIGURES: tuple[tuple[str, str, bool, Callable[[Server], float], float], ...] = (
    ("fetch 256 MiB, TLS", "GB/s", True, Server.fetch, 1.0),
    ("store 256 MiB, TLS", "GB/s", True, Server.store, 1.0),
    ("log-ons, TLS", "1/s", True, Server.log_ons, 2.0),
    ("300 idle sessions, TLS", "MiB", False, Server.idle_memory, 2.0),
)
"""Name, unit, whether more is better, how it is taken, and the least ratio to vsftpd (PERFORMANCE.md)."""


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while all servers run. Needs root, vsftpd, curl, and for proftpd Debian's archive."""
    if os.geteuid() != 0 or shutil.which("vsftpd") is None or shutil.which("curl") is None:
        print("ftp: skipped; needs root, vsftpd and curl (apt-get install vsftpd curl)")
        yield ()
        return
    with start_school(limit=2 * SIZE, place=_TMPFS, fileshare=_SETTINGS) as school, contextlib.ExitStack() as stack:
        source = school.folder / "source"
        source.write_bytes(os.urandom(1024 * 1024) * (SIZE // (1024 * 1024)))
        assert school.files.process is not None
        ours = Server(school.port, FRED, PASSWORD, "Home/", school.files.process.pid, source)
        tls = school.settings.server.state / "fileshare" / "tls"
        peers = {
            "vsftpd": stack.enter_context(vsftpd(tls, source, _TMPFS)),
            "proftpd": stack.enter_context(proftpd(tls, source, _TMPFS)),
        }
        there = {name: peer for name, peer in peers.items() if peer is not None}
        for server in (ours, *there.values()):
            server.store()
        yield tuple(
            Row(
                f"FTP: {what}",
                unit,
                more,
                partial(taken, ours),
                partial(taken, peer),
                name,
                goal if name == "vsftpd" else None,
            )
            for what, unit, more, taken, goal in _FIGURES
            for name, peer in there.items()
        )
        for name in peers.keys() - there.keys():
            print(f"ftp: no rows with {name}, whose packages could not be fetched")
