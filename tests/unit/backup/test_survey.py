"""Sections from one run to the next: what is read again, what is believed, what is sent."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.backup import sections
from appliance.backup.cache import Cache, Known
from appliance.backup.delta import Base
from appliance.backup.intent import Part
from appliance.backup.problem import BackupError
from appliance.backup.sections import rooted
from appliance.backup.survey import Survey, inside
from appliance.backup.units import Unit
from appliance.backup_server.manifest import Section

FRED = Unit("homes", "fred")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "_YOUNG", -(10**18))  # nothing is too young to be believed
    return Place(tmp_path)


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.homes = folder / "homes"
        self.home = self.homes / "fred"
        self.home.mkdir(parents=True)
        self.read: list[bytes] = []

    @property
    def cache(self) -> Cache:
        return Cache(self.folder / "stamps", self.folder / "sections")

    def looked(self, resumed=False) -> Survey:
        """Look; which files were read is in ``read`` then."""
        survey = Survey([Part("homes", self.homes, owned=True)], self.cache, resumed=resumed)
        real, self.read = sections.line_of_living, []

        def watched(folder, name, path):
            self.read.append(path)
            return real(folder, name, path)

        sections.line_of_living = watched
        try:
            survey.look()
        finally:
            sections.line_of_living = real
        return survey

    def base(self, survey: Survey, missing=()) -> Base:
        return Base("x", {unit: known.section for unit, known in survey.units.items()}, dict(missing))

    def section(self, survey: Survey) -> Section:
        found = self.cache.section(survey.units[FRED].section)
        assert found is not None
        return Section.decode(found.encode())


def test_what_did_not_change_is_not_read_again(place):
    (place.home / "a").write_bytes(b"a")
    (place.home / "b").write_bytes(b"b")
    first = place.looked()
    assert sorted(place.read) == [b".", b"a", b"b"]
    second = place.looked()
    assert place.read == []
    assert second.units == first.units
    (place.home / "a").write_bytes(b"other")
    third = place.looked()
    assert place.read == [b"a"]
    assert third.lacking(place.base(first)) == {FRED: [b"a"]}
    assert third.units[FRED].salt == first.units[FRED].salt


def test_who_changes_a_file_and_puts_its_time_back_is_noticed(place):
    letter = place.home / "letter"
    letter.write_bytes(b"words")
    os.utime(letter, ns=(7, 7))
    first = place.looked()
    letter.write_bytes(b"other")
    os.utime(letter, ns=(7, 7))
    assert place.looked().lacking(place.base(first)) == {FRED: [b"letter"]}


def test_what_is_young_is_looked_at_again(tmp_path):
    place = Place(tmp_path)
    (place.home / "a").write_bytes(b"a")
    place.looked()
    place.looked()
    assert sorted(place.read) == [b".", b"a"]


@pytest.mark.parametrize("lost", ["stamps", "sections"])
@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-3])])
def test_a_lost_or_broken_cache_costs_time_and_nothing_else(place, lost, harm):
    (place.home / "a").write_bytes(b"a")
    first = place.section(place.looked())
    (place.home / "b").write_bytes(b"b")
    for path in (place.folder / lost).iterdir():
        harm(path)
    second = place.section(place.looked())
    assert [line.rsplit(b" ", 1)[1] for line in second.lines] == [b".", b"a", b"b"]
    assert second.lines[1] == first.lines[1]


def test_stamps_of_another_section_are_not_believed(place):
    (place.home / "a").write_bytes(b"a")
    survey = place.looked()
    known = survey.units[FRED]
    assert place.cache.lines(FRED, known)
    assert place.cache.lines(FRED, Known(known.digest, "0" * 64, known.salt, None, 1)) == {}
    stamps = next(path for path in (place.folder / "stamps").iterdir() if path.name != "units.json")
    data = bytearray(stamps.read_bytes())
    data[-1] ^= 1
    stamps.write_bytes(data)
    assert place.cache.lines(FRED, known) == {}


def test_what_changes_while_it_is_sent_is_sent_again_and_at_last_marked(place):
    for name in ("same", "growing", "going"):
        (place.home / name).write_bytes(b"1")
    survey = place.looked()
    lacking = survey.lacking(Base())
    (place.home / "growing").write_bytes(b"22")
    (place.home / "going").unlink()
    again = survey.settled(lacking)
    assert again == {FRED: [b".", b"growing"]}
    assert survey.gone == 1
    (place.home / "growing").write_bytes(b"333")
    assert survey.settled(again, last=True) == {}
    assert survey.unsettled(lacking) == 1
    lines = {line.rsplit(b" ", 1)[1]: line for line in place.section(survey).lines}
    assert sorted(lines) == [b".", b"growing", b"same"]
    assert b" 3 ? - " in lines[b"growing"]
    place.cache.write(survey.units)
    following = place.looked()
    assert following.lacking(place.base(survey)) == {FRED: [b"growing"]}, "the next run compares it"


@pytest.mark.parametrize("swapped", [True, False])
def test_what_may_have_come_from_elsewhere_by_a_link_is_left_out(place, swapped):
    inner = place.home / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "f").write_bytes(b"f")
    (inner / "quiet").write_bytes(b"quiet")
    survey = place.looked()
    sent = survey.lacking(Base())
    if swapped:
        inner.rename(place.home / "a" / "aside")
        inner.symlink_to("/etc")
        inner.unlink()
        (place.home / "a" / "aside").rename(inner)
    (inner / "f").write_bytes(b"changed")
    (inner / "journal").write_bytes(b"a folder may change as it likes")
    survey.settled(sent, last=True)
    lines = place.section(survey).lines
    assert (b"a/b/f" in {line.split(b" ", 8)[8] for line in lines}) == (not swapped)
    assert any(line.endswith(b" a/b/quiet") for line in lines)
    assert [path for _, path, _ in survey.left.paths] == [b"fred/a/b/f"] * swapped


def test_what_rsync_would_not_send_again_is_marked_until_the_next_run(place):
    """Its size and time are those of what waits over there: nobody can tell which content that is."""
    letter = place.home / "letter"

    def write(content):
        letter.write_bytes(content)
        os.utime(letter, ns=(7, 7))

    write(b"words")
    survey = place.looked()
    lacking = survey.lacking(Base())
    write(b"other")
    assert survey.settled(lacking) == {}
    assert survey.unsettled(lacking) == 1
    place.cache.write(survey.units)
    assert place.looked().lacking(place.base(survey)) == {FRED: [b"letter"]}
    write(b"third")
    resumed = place.looked(resumed=True)
    assert resumed.unsettled(resumed.lacking(Base())) == 1
    assert place.looked().unsettled(resumed.lacking(Base())) == 0


def test_a_folder_that_goes_takes_what_was_in_it_along(place):
    (place.home / "folder").mkdir()
    (place.home / "folder" / "old").write_bytes(b"1")
    first = place.looked()
    (place.home / "folder" / "new").write_bytes(b"1")
    survey = place.looked()
    lacking = survey.lacking(place.base(first))
    (place.home / "folder").rename(place.folder / "away")
    survey.settled(lacking)
    assert [line.rsplit(b" ", 1)[1] for line in place.section(survey).lines] == [b"."]


def test_a_home_that_goes_is_no_unit_any_more(place):
    survey = place.looked()
    lacking = survey.lacking(Base())
    place.home.rename(place.folder / "away")
    assert survey.settled(lacking) == {}
    assert survey.units == {}
    assert place.looked().units == {}


def test_what_did_not_arrive_is_sent_again_though_nothing_changed(place):
    (place.home / "a").write_bytes(b"a")
    (place.home / "b").write_bytes(b"b")
    first = place.looked()
    base = place.base(first, {FRED: frozenset({b"a", b"gone"})}.items())
    assert place.looked().lacking(base) == {FRED: [b"a"]}


def test_units_are_folders_with_a_name_of_their_own(place):
    for name in ("erika", ".former-20261101-20001-gone.one", ".making-1", ".removed-2", ".restoring-3"):
        (place.homes / name).mkdir()
    (place.homes / "file").touch()
    os.mkdir(os.fsencode(place.homes) + b"/\xff")
    survey = place.looked()
    assert [unit.name for unit in survey.units] == [".former-20261101-20001-gone.one", "erika", "fred"]
    assert [(part, why) for part, _, why in survey.left.paths] == [("homes", 0)]
    assert {known.uid for known in survey.units.values()} == {os.geteuid()}
    with pytest.raises(BackupError, match="is its disk mounted"):
        Survey([Part("homes", place.folder / "none")], place.cache).look()


def test_paths_for_the_line_are_below_the_part():
    whole = Unit("audit", ".")
    assert list(inside({FRED: [b".", b"a/b"], whole: [b".", b"use.jsonl"]}, "homes")) == [b"fred", b"fred/a/b"]
    assert list(inside({FRED: [b"a"], whole: [b".", b"use.jsonl"]}, "audit")) == [b".", b"use.jsonl"]


PATHS = st.lists(st.sampled_from([b"a", b"b", b"a/b", b"a/b/c", b"b/c", b"a-", b"a-/x"]), unique=True)


@given(PATHS)
@settings(max_examples=200)
def test_nothing_is_left_in_no_folder(paths):
    lines = {path: (b"", b"d " + path) for path in [b".", *paths]}
    kept = rooted(lines)
    assert all(path.rpartition(b"/")[0] in {b"", *kept} for path in kept)
    assert {path for path in paths if b"/" not in path} <= set(kept)
