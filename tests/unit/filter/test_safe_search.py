"""The table of hosts that enforce safe search."""

from pathlib import Path

import pytest

from appliance.filter import safe_search
from appliance.filter.safe_search import enforcing_host, own_table, read_table
from appliance.policy.access import Who
from appliance.policy.safe_search import Enforced, SearchRule
from appliance.proxy.target import canonical

FILE = Path(safe_search.__file__).with_name("safe_search.list")
LINES = FILE.read_text(encoding="ascii").splitlines()
TABLE = own_table()


def enforcing(host, *enforced):
    return enforcing_host(TABLE, host, SearchRule("web.yaml:1", Who(everyone=True), frozenset(enforced)))


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("www.google.com", "forcesafesearch.google.com"),
        ("google.de", "forcesafesearch.google.com"),
        ("www.google.co.za", "forcesafesearch.google.com"),
        ("www.google.com.tr", "forcesafesearch.google.com"),
        ("ipv6.google.com", "forcesafesearch.google.com"),
        ("noai.duckduckgo.com", "safe.duckduckgo.com"),
        ("www.bing.com", "strict.bing.com"),
        ("duckduckgo.com", "safe.duckduckgo.com"),
        ("www.ecosia.org", "strict-safe-search.ecosia.org"),
        ("mail.google.com", None),
        ("www.google.com.example", None),
        ("forcesafesearch.google.com", None),
        ("i.ytimg.com", None),
    ],
)
def test_engines(host, found):
    assert enforcing(host, Enforced.SEARCH) == enforcing(host, Enforced.SEARCH, Enforced.YOUTUBE_STRICT) == found
    assert enforcing(host) is None


@pytest.mark.parametrize(
    "host", ["www.youtube.com", "m.youtube.com", "youtubei.googleapis.com", "www.youtube-nocookie.com"]
)
def test_youtube_has_two_levels(host):
    assert enforcing(host, Enforced.YOUTUBE_STRICT) == "restrict.youtube.com"
    assert enforcing(host, Enforced.YOUTUBE_MODERATE, Enforced.SEARCH) == "restrictmoderate.youtube.com"
    assert enforcing("www.google.com", Enforced.YOUTUBE_STRICT) is None


def test_the_table_says_where_it_is_from_and_when_it_was_looked_through():
    head = " ".join(line for line in LINES if line.startswith("#"))
    assert "As of 20" in head
    for place in ("support.google.com", "duckduckgo.com/", "help.bing.microsoft.com", "ecosia.helpscoutdocs.com"):
        assert f"https://{place}" in head


def test_each_host_of_the_table_is_one_as_it_is_asked_for():
    hosts = {host for host, found in TABLE.items() for host in (host, *found.values())}
    assert [host for host in hosts if canonical(host) != host or "." not in host] == []
    assert sum(host.startswith("www.google.") for host in hosts) > 190
    targets = {host for found in TABLE.values() for host in found.values()}
    assert not targets & set(TABLE), "nobody is sent on twice"
    for host, found in TABLE.items():
        assert len({Enforced.YOUTUBE_MODERATE, Enforced.YOUTUBE_STRICT} & set(found)) in (0, 2), host


@pytest.mark.parametrize("line", ["search", "search a.example", "nothing a.example b.example"])
def test_a_line_that_says_nothing_is_refused(line):
    with pytest.raises(ValueError, match=r"line|nothing"):
        read_table([line])


def test_a_host_with_two_enforcing_hosts_is_refused():
    read_table(["search a.example c.example", "search a.example c.example", "", "# nothing"])
    with pytest.raises(ValueError, match="twice"):
        read_table(["search a.example c.example", "search b.example c.example"])
