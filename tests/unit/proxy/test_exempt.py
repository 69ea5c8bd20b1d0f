"""Exempt hosts, and the lists that come with the package."""

from pathlib import Path

import pytest

from appliance.filter.names import covered, domains
from appliance.proxy import exempt
from appliance.proxy.exempt import Exempt, read_exempt
from appliance.settings.proxy import EXEMPT_LISTS

FOLDER = Path(exempt.__file__).with_name("exempt_hosts")
FILES = sorted(FOLDER.iterdir())


def test_a_domain_means_all_below_it_and_nothing_else():
    found = Exempt(["films.example"])
    assert found.covers("films.example") and found.covers("a.b.films.example")
    for host in ("example", "myfilms.example", "films.example.org", "", "127.0.0.1", "::1"):
        assert not found.covers(host)


def test_what_a_school_adds_and_takes_out():
    found = Exempt(["films.example", "cdn.big.example"], ["school.example", "lessons.big.example"], ["big.example"])
    assert found.covers("moodle.school.example") and found.covers("lessons.big.example")
    assert not found.covers("cdn.big.example") and not found.covers("big.example")
    assert found.covers("films.example")
    assert not Exempt(["films.example"], without=["live.films.example"]).covers("x.live.films.example")
    assert Exempt(["films.example"], without=["live.films.example"]).covers("films.example")


def test_each_list_that_can_be_chosen_is_there_and_no_other():
    assert {path.name for path in FILES} == {f"{kind}.list" for kind in EXEMPT_LISTS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_list_says_what_it_is_and_when_it_was_looked_through(path):
    lines = path.read_text(encoding="ascii").splitlines()
    head = " ".join(line for line in lines if line.startswith("#"))
    assert "As of 20" in head
    rows = [line for line in lines if line and not line.startswith("#")]
    assert all(" # " in row for row in rows)
    assert len(list(domains(rows))) == len(rows), "a line is no domain"


def test_no_domain_stands_there_twice_or_below_another():
    every = read_exempt(EXEMPT_LISTS)
    for number, domain in enumerate(every):
        assert not covered(domain, frozenset(every[:number] + every[number + 1 :])), domain


def test_networks_that_serve_anybody_are_not_exempt():
    found = Exempt(read_exempt(EXEMPT_LISTS))
    shared = ("akamaihd.net", "akamaized.net", "cloudfront.net", "fastly.net", "azureedge.net", "googleusercontent.com")
    for domain in (*shared, "storage.googleapis.com", "github.com", "download.microsoft.com", "debian.org"):
        assert not found.covers(domain) and not found.covers(f"x.{domain}")


@pytest.mark.parametrize(
    "host", ["addons.mozilla.org", "storage.snapcraftcontent.com", "taskcards.de", "x.moodlecloud.com", "padlet.com"]
)
def test_hosts_that_take_files_from_anybody_are_not_exempt(host):
    assert not Exempt(read_exempt(EXEMPT_LISTS)).covers(host)


def test_school_video_and_updates_are_exempt_and_youtube_only_if_wanted():
    by_default = Exempt(read_exempt(["updates", "learning", "video"]))
    for host in ("nrodlzdf-a.akamaihd.net", "www.planet-schule.de", "au.download.windowsupdate.com", "deb.debian.org"):
        assert by_default.covers(host)
    assert not by_default.covers("rr1---sn-4g5e6nsz.googlevideo.com")
    assert Exempt(read_exempt(["youtube"])).covers("rr1---sn-4g5e6nsz.googlevideo.com")
