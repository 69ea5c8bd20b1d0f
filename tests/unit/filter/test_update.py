"""Renewing lists from a real web server: what is taken, what is refused, what stays."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.daemon.logs import Told
from appliance.filter import record, update
from appliance.filter.index import Index
from appliance.filter.sources import shipped
from appliance.filter.update import Update
from appliance.settings.load import load
from tests.unit.filter.support_lists import bomb, packed, serving

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def site():
    with serving() as made:
        yield made


class School:
    """A school with settings of lists, and its folder of lists; a day passes with each update."""

    def __init__(self, folder, site):
        self.settings, self.folder, self.site = folder / "etc", folder / "filter", site
        self.settings.mkdir()
        self.now, self.told = START, []
        self.wants([{"url": "{site}/games.txt", "format": "domains", "categories": ["games"]}])

    def wants(self, sources, **more):
        text = json.dumps({"lists": {"sources": sources, **more}}).replace("{site}", self.site.url)
        (self.settings / "web.yaml").write_text(text)

    def update(self, **more):
        self.now += timedelta(days=1)
        wanted = load(self.settings).web.lists
        return Update(self.folder, wanted, lambda: self.now, lambda *said: self.told.append(said), **more).run()

    @property
    def index(self):
        return Index.open(self.folder / record.INDEX)

    def only(self, found):
        (kept,) = found.lists.values()
        return kept


@pytest.fixture
def school(tmp_path, site):
    return School(tmp_path, site)


def hosts(count, of="example"):
    return "".join(f"a{number}.{of}\n" for number in range(count)).encode()


def test_a_list_becomes_an_index_and_the_record_says_how_it_stands(school, site):
    site.files["/games.txt"] = hosts(10)
    found = school.update()
    assert school.index.of("www.a3.example") == {"games"}
    kept = school.only(found)
    assert (kept.count, kept.changed, kept.checked, kept.problem) == (10, school.now, school.now, "")
    assert found.entries["games"] == 10
    assert record.read(school.folder) == found
    assert school.told[-1] == (1000, 1000, "done")
    assert [done for done, _, _ in school.told] == sorted(done for done, _, _ in school.told)


def test_what_did_not_change_is_neither_fetched_nor_compiled_again(school, site):
    site.files["/games.txt"] = hosts(10)
    first = school.update()
    identity = school.index.identity
    second = school.update()
    assert school.index.identity == identity
    kept = school.only(second)
    assert kept.changed == school.only(first).changed and kept.checked == school.now
    assert "If-None-Match" in site.asked[-1][1]


HOSTILE = {
    "a country": hosts(10) + b"de\n",
    "binary": os.urandom(5000),
    "one long line": b"a" * 5_000_000,
    "a page": b"<html><title>Wartung</title></html>\n",
    "a bomb": bomb(20_000_000),
    "half": hosts(5),
    "nothing": b"",
    "cut off": packed({"x": hosts(1000)})[:-30],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_broken_or_hostile_list_is_refused_with_the_reason_and_the_last_good_stays(school, site, kind):
    site.files["/games.txt"] = hosts(10)
    good = school.update()
    identity = school.index.identity
    school.wants([{"url": "{site}/games.txt", "format": "domains", "categories": ["games"]}], largest="1 MB")
    site.files["/games.txt"] = HOSTILE[kind]
    found = school.update()
    kept = school.only(found)
    assert kept.refused and kept.problem
    assert (kept.version, kept.checked) == (school.only(good).version, school.only(good).checked)
    assert school.index.identity == identity and school.index.of("a9.example") == {"games"}
    assert not [path for path in (school.folder / "lists").iterdir() if path.name.startswith(".")]
    site.files["/games.txt"] = hosts(11)
    assert school.only(school.update()).problem == ""
    assert school.index.of("a10.example") == {"games"}


def test_a_list_whose_entries_became_exceptions_has_shrunk(school, site):
    school.wants([{"url": "{site}/games.txt", "format": "adblock", "categories": ["games"]}])
    site.files["/games.txt"] = b"||a.example^\n||b.example^\n||c.example^\n"
    assert not school.only(school.update()).problem
    site.files["/games.txt"] = b"||a.example^\n@@||b.example^\n@@||c.example^\n"
    assert "it has 1 entries of games and had 3" in school.only(school.update()).problem
    assert school.index.of("b.example") == {"games"}


def test_a_list_of_more_entries_than_may_be_is_not_taken(school, site, monkeypatch):
    monkeypatch.setattr(update, "_MOST", 10)
    site.files["/games.txt"] = hosts(10)
    assert not school.only(school.update()).problem
    site.files["/games.txt"] = hosts(11)
    kept = school.only(school.update())
    assert kept.refused and kept.problem == "it has 11 entries; 10 may be"


def test_a_list_that_shrank_is_taken_when_the_carer_says_so(school, site):
    site.files["/games.txt"] = hosts(10)
    school.update()
    site.files["/games.txt"] = hosts(5)
    assert "it has 5 entries of games and had 10" in school.only(school.update()).problem
    assert school.only(school.update(smaller=True)).count == 5
    assert not school.index.of("a9.example")


def test_a_server_that_is_away_changes_nothing_but_the_age(school, site):
    site.files["/games.txt"] = hosts(10)
    first = school.only(school.update())
    del site.files["/games.txt"]
    kept = school.only(school.update())
    assert (kept.problem, kept.refused, kept.checked) == ("the server answers 404", False, first.checked)
    assert school.index.of("a9.example") == {"games"}


def test_several_sources_make_one_category_and_the_school_adds_and_takes_out(school, site):
    site.files["/games.tar.gz"] = packed({"games/domains": hosts(4), "games/urls": b"b.example/play\n"})
    site.files["/doh.tar.gz"] = packed({"doh/domains": hosts(3, "dns.example")})
    site.files["/hosts"] = b"0.0.0.0 more.example\n0.0.0.0 a1.example\n"
    site.files["/block"] = b"||ads.example^\n@@||good.ads.example^\n"
    school.wants(
        [
            {"url": "{site}/{category}.tar.gz", "format": "squidguard", "categories": ["games", "doh"]},
            {"url": "{site}/hosts", "format": "hosts", "categories": ["games"]},
            {"url": "{site}/block", "format": "adblock", "categories": ["ads"]},
        ],
        own={"games": ["chess.example"], "not_here": ["c.example/chat"]},
        without={"games": ["a2.example"]},
    )
    found = school.update()
    index = school.index
    asked = ("a0.example", "more.example", "chess.example", "a2.example", "x.ads.example", "good.ads.example")
    assert [sorted(index.of(host)) for host in asked] == [["games"]] * 3 + [[], ["ads"], []]
    assert index.of_url("b.example", "/play/1") == {"games"} and not index.of("b.example")
    assert index.of_url("c.example", "/chat") == {"not_here"}
    assert {"games", "doh", "ads", "not_here"} <= set(index.names)
    assert len(found.lists) == 4
    assert found.entries["doh"] >= 3


def test_expressions_that_no_index_takes_are_left_out_and_counted(school, site):
    site.files["/games.tar.gz"] = packed({"games/domains": hosts(3), "games/expressions": b"(/ads/|/play/)\n((a\n.*\n"})
    school.wants([{"url": "{site}/games.tar.gz", "format": "squidguard", "categories": ["games"]}])
    found = school.update()
    assert found.left_out == 2
    assert school.index.of_url("b.example", "/play/1") == {"games"} and not school.index.of_url("b.example", "/x")


def test_own_entries_come_into_force_without_asking_for_lists_that_are_there(school, site):
    site.files["/games.txt"] = hosts(10)
    school.update()
    asked = len(site.asked)
    school.wants(
        [{"url": "{site}/games.txt", "format": "domains", "categories": ["games"]}], own={"games": ["b.example"]}
    )
    school.update(ask=False)
    assert len(site.asked) == asked
    assert school.index.of("b.example") == school.index.of("a1.example") == {"games"}


def test_a_source_that_is_wanted_no_more_leaves_nothing(school, site):
    site.files["/games.txt"] = hosts(10)
    school.update()
    school.wants([])
    assert school.update().lists == {}
    assert not school.index.of("a1.example")
    assert list((school.folder / "lists").iterdir()) == []


def test_one_at_a_time(school, site):
    site.files["/games.txt"] = hosts(10)
    update = Update(school.folder, load(school.settings).web.lists, lambda: START, lambda *_: school.update())
    with pytest.raises(Told, match="being renewed already"):
        update.run()


def test_a_record_of_another_version_or_a_lost_index_is_made_good(school, site):
    site.files["/games.txt"] = hosts(10)
    school.update()
    (school.folder / "record.json").write_text("{}")
    assert school.only(school.update()).count == 10
    (school.folder / record.INDEX).write_bytes(b"broken")
    school.update()
    assert school.index.of("a1.example")


def started(school, *words):
    (school.settings / "server.yaml").write_text(json.dumps({"state": str(school.folder.parent)}))
    argv = [sys.executable, "-P", "-m", "appliance.filter", *words, "--settings", str(school.settings)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)


def program(school, *words):
    process = started(school, *words)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def test_the_program_serves_whoever_asks_with_progress_and_a_result(school, site):
    site.files["/games.txt"] = hosts(10)
    with started(school, "serve") as process:
        process.stdin.write("{}\n")
        process.stdin.flush()
        said = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert said[0]["progress"][:2] == [0, 1000] and said[-2]["progress"] == [1000, 1000, "done"]
    assert said[-1]["result"] == {"lists": 1, "problems": 0, "entries": 10 + sum(1 for _ in shipped()), "why": ""}


def test_it_ends_when_nobody_asks_any_more_and_leaves_nothing_half_done(school, site):
    site.files["/games.txt"] = hosts(300_000)
    with started(school, "serve") as process:
        process.stdin.write("{}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["progress"]
        process.stdin.close()
        assert process.wait(60) == 1
    assert not (school.folder / "record.json").exists()
    left = [path.name for path in school.folder.rglob("*") if path.name.startswith(".")]
    assert left == []
    assert school.only(school.update()).count == 300_000


def test_started_by_the_timer_it_logs_counts_only_and_says_whether_to_try_again(school, site):
    site.files["/games.txt"] = hosts(10)
    quiet = program(school, "update")
    assert quiet.returncode == 0 and quiet.stdout == ""
    assert "1 lists, 0 of them with a problem" in quiet.stderr
    assert "127.0.0.1" not in quiet.stderr
    del site.files["/games.txt"]
    assert program(school, "update").returncode == 1, "it is to be tried again"
    site.files["/games.txt"] = b"de\n"
    assert program(school, "update").returncode == 0, "trying again would not help"


def test_wrong_settings_are_told_and_nothing_is_done(school):
    (school.settings / "web.yaml").write_text("lists: {sources: [{url: x, format: domains, categories: [a]}]}\n")
    done = program(school, "update")
    assert done.returncode == 2
    assert "web.yaml:1" in done.stderr


def test_the_index_may_be_read_by_the_folders_group_and_nobody_else(school, site):
    site.files["/games.txt"] = hosts(10)
    school.update()
    for name in (record.INDEX, "record.json"):
        assert (school.folder / name).stat().st_mode & 0o777 == 0o640
    assert hashlib.sha256((school.folder / record.INDEX).read_bytes()).hexdigest()
