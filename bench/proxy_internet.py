"""An internet of one site, at a public address and under its name: a network namespace, out of which nothing leads.

May live here: where and what it is called. May not: who serves there. The proxies decide, look up and connect there as
for any site: it is no exception inside a school. Root only.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.integration.wlan.networks import host_with_names

NAME, _ADDRESS = "www.site.example", "93.184.215.14"
HTTP, HTTPS = 80, 443
"""The ports of the site, where the far end of tunnels has the second one."""


@contextlib.contextmanager
def internet() -> Iterator[None]:
    """Be in it meanwhile, with all that is started and listens: on the loopback, and on all addresses at the site."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as name:
        host = host_with_names(Path(name), {NAME: [_ADDRESS]})
        try:
            # The address is here, and connections to it come from another one, as on the way to any site.
            host.must(f"ip route add local {_ADDRESS} dev lo src 127.0.0.1")
            with host.entered():
                yield
        finally:
            host.end()
