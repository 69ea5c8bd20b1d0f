"""One change in a directory of 5,000 accounts until every service's snapshot is on disk.

The peer is ldapsearch, which reads the same 5,000 entries in C and writes them nowhere: the least that reading costs.
"""

from __future__ import annotations

import itertools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.directory.client import Directory
from appliance.directory.slapd.embedded import Embedded, embedded
from appliance.supervisor.assembly import Parts, assemble
from bench.harness import Row
from tests.integration.directory.test_large import entries
from tests.integration.support_slapd import ROOT, start_slapd, write_settings


@contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while their slapd runs."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as place:
        settings = write_settings(Path(place))
        server = embedded(settings)
        prepare = ["-m", "appliance.directory.slapd", "--settings", str(settings.folder), "--prepare-only"]
        argv = ["/usr/bin/python3", *prepare]
        subprocess.run(argv, cwd=ROOT, check=True)
        ldif = "\n".join(entries(server.tree.base))
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", server.config], input=ldif, text=True, check=True)
        (settings.server.runtime / "snapshots").mkdir(parents=True)
        with start_slapd(Path(place), settings):
            parts = assemble(settings, lambda: None)
            try:
                parts.core.publisher.look()
                yield (_one_change(parts, parts.directory, server),)
            finally:
                parts.close()


def _one_change(parts: Parts, directory: Directory, server: Embedded) -> Row:
    numbers = itertools.count()

    def ours() -> float:
        directory.update_account("kind7.nachname7", display_name=f"Kind Nummer {next(numbers)}")
        started = time.perf_counter()
        parts.core.publisher.look()
        return time.perf_counter() - started

    def peer() -> float:
        password = server.passwords["supervisor"]
        name, base = server.tree.service("supervisor"), server.tree.base
        uri = f"ldapi://{str(server.socket).replace('/', '%2F')}"
        argv = ["ldapsearch", "-x", "-LLL", "-H", uri, "-D", name, "-y", str(password), "-b", base, "*", "+"]
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return Row("snapshot of 5,000 accounts after one change", "s", False, ours, peer, "ldapsearch of all", limit=1.0)
