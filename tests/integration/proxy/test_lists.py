"""Lists that are renewed while the proxy serves: from a web server, by the program, into open tunnels."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.daemon.identities import Identities
from appliance.filter.record import folder_of
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.school import BLOCKED, sign
from tests.integration.proxy.wire import ask, ends_within, open_tunnel
from tests.integration.support_lists import put_lists
from tests.unit.filter.support_lists import packed, serving

ROOT = Path(__file__).resolve().parents[3]
GAMES, NEW, HERE = "/games.tar.gz", "neu.example", "127.0.0.1"


@pytest.fixture
def renew(school, tmp_path):
    """Renews the lists from what a web server has; gives how the program ended."""
    server, folder = school.settings.server, folder_of(school.settings.server.state)
    os.chown(folder, -1, Identities(server).group("services"))
    folder.chmod(0o2755)
    with serving() as site:
        source = {"url": f"{site.url}{GAMES}", "format": "squidguard", "categories": ["games"]}
        for name, content in {"web": {"lists": {"sources": [source]}}, "server": {"state": str(server.state)}}.items():
            (tmp_path / f"{name}.yaml").write_text(json.dumps(content))

        def run(data: bytes) -> int:
            site.files[GAMES] = data
            argv = [sys.executable, "-P", "-m", "appliance.filter", "update", "--settings", str(tmp_path)]
            return subprocess.run(argv, env={"PYTHONPATH": str(ROOT)}, timeout=60, check=False).returncode

        yield run
    put_lists(server.state, {"games": [BLOCKED]})
    eventually(lambda: ask(school, request(school, HERE))[0] == 200)


def games(*domains):
    return packed({"blacklists/games/domains": "".join(f"{domain}\n" for domain in domains)})


def request(school, host):
    return f"GET http://{host}:{school.site}/ HTTP/1.0\r\n{sign()}\r\n"


def test_a_list_comes_into_force_and_ends_an_open_tunnel_within_two_seconds(school, renew):
    assert renew(games(BLOCKED)) == 0
    with open_tunnel(school) as (client, _site):
        assert ask(school, request(school, HERE))[0] == 200
        assert renew(games(BLOCKED, HERE)) == 0
        began = time.monotonic()
        assert ends_within(client, 2.0)
        assert time.monotonic() - began < 2.0
    assert ask(school, request(school, HERE))[0] == 403
    assert renew(games(BLOCKED, NEW)) == 0
    eventually(lambda: ask(school, request(school, HERE))[0] == 200)


@pytest.mark.parametrize(
    "data",
    [games(BLOCKED, HERE, "de"), packed({"games/domains": b"\0" * 9000}), games(BLOCKED, HERE)[:-20], b"<html>"],
    ids=["a country", "binary", "cut off", "a page"],
)
def test_a_hostile_list_changes_nothing(school, renew, data):
    assert renew(games(BLOCKED)) == 0
    index = folder_of(school.settings.server.state) / "web.index"
    before = index.stat()
    assert renew(data) == 0
    assert (index.stat().st_ino, index.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert ask(school, request(school, HERE))[0] == 200
