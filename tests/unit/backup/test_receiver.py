"""What the school's key may do in the second place, and which copies stay there."""

import ast
import shlex
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.backup import receiver
from appliance.backup.receiver import FORMAT, Copies, Refused, kept, moment, server_argv

WRITE = "rsync --server -lHogDtpAXre.iLsfxCIvu --timeout=60 --stats -@-1 --numeric-ids"
BASED = "--link-dest ../../interrupted-0001/homes --link-dest ../../2026-01-01T000000/homes"
READ = "rsync --server --sender -lHogtpAXrRe.iLsfxCIvu --timeout=60 --numeric-ids ."
COPY = "2026-01-02T000000"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "incoming").mkdir()
    (tmp_path / COPY / "homes" / "fred").mkdir(parents=True)
    (tmp_path / COPY / "homes" / "away").symlink_to("/etc")
    return tmp_path


def test_it_stands_alone():
    tree = ast.parse(Path(receiver.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "asked",
    [
        f"{WRITE} {BASED} . incoming/homes/",
        f"{WRITE} --bwlimit=5000 . incoming/mail/",
        f"{READ} {COPY}/./homes/fred/Documents/a\\ letter.odt",
        f"{READ} {COPY}/./homes/away",
    ],
)
def test_what_our_own_rsync_asks_is_done(place, asked):
    words = shlex.split(asked)
    assert server_argv(words, place, False) == words
    assert server_argv(words, place, True) == ["rsync", "--server", "--fake-super", *words[2:]]


@pytest.mark.parametrize(
    "asked",
    [
        "sh",
        "rsync",
        "rsync --server",
        "rsync --server . incoming/homes/",
        "rsync --daemon . incoming/homes/",
        f"{WRITE} --inplace . incoming/homes/",
        f"{WRITE} --append . incoming/homes/",
        f"{WRITE} --delete . incoming/homes/",
        f"{WRITE} --remove-source-files . incoming/homes/",
        f"{WRITE} --temp-dir=/tmp . incoming/homes/",
        f"{WRITE} --link-dest /etc . incoming/homes/",
        f"{WRITE} --link-dest ../../../etc/homes . incoming/homes/",
        f"{WRITE} --link-dest=../../{COPY}/homes . incoming/homes/",
        f"{WRITE} --link-dest . incoming/homes/",
        f"{WRITE} . {COPY}/homes/",
        f"{WRITE} . incoming/../{COPY}/",
        f"{WRITE} . incoming/",
        f"{WRITE} . incoming/homes/ /etc/",
        f"{WRITE} . /etc/",
        "rsync --server -lHogDtpAXrKe.iLsfxCIvu . incoming/homes/",
        "rsync --server -slHogDtpAXre.iLsfxCIvu . incoming/homes/",
        "rsync --server -lHogDtpAXre.iLsfxCIvu -K . incoming/homes/",
        f"{READ} incoming/./homes/fred",
        f"{READ} {COPY}/homes/fred",
        f"{READ} {COPY}/./homes/../../{COPY}",
        f"{READ} {COPY}/./homes//fred",
        f"{READ} {COPY}/./",
        f"{READ} /etc/passwd",
        f"{READ} {COPY}/./homes/away/passwd",
        f"{READ.replace('-lHog', '-LlHog')} {COPY}/./homes/fred",
        f"{READ} --remove-source-files {COPY}/./homes/fred",
    ],
)
def test_anything_else_is_refused(place, asked):
    with pytest.raises(Refused):
        server_argv(shlex.split(asked), place, False)


def test_nothing_is_written_before_a_copy_was_begun(place):
    (place / "incoming").rmdir()
    with pytest.raises(Refused):
        server_argv(shlex.split(f"{WRITE} . incoming/homes/"), place, False)


def test_an_interrupted_copy_is_a_base_and_never_gone_on_with(tmp_path):
    copies = Copies(tmp_path)
    assert copies.begin() == {"bases": []}
    (tmp_path / "incoming" / "first").touch()
    assert copies.begin() == {"bases": ["interrupted-0001"]}
    assert copies.begin() == {"bases": ["interrupted-0002", "interrupted-0001"]}
    assert not list((tmp_path / "incoming").iterdir())
    assert (tmp_path / "interrupted-0001" / "first").exists()
    name = copies.finish()["snapshot"]
    assert [path.name for path in tmp_path.iterdir()] == [name] == copies.names()
    assert copies.begin() == {"bases": [name]}
    with pytest.raises(Refused):
        Copies(tmp_path / name).finish()


def test_names_go_up_even_if_the_clock_goes_back(tmp_path):
    ahead = (datetime.now(UTC) + timedelta(days=2)).strftime(FORMAT)
    (tmp_path / ahead).mkdir()
    copies = Copies(tmp_path)
    copies.begin()
    assert moment(copies.finish()["snapshot"]) == moment(ahead) + timedelta(seconds=1)


def nights(count, first=datetime(2025, 1, 1, 0, 30, tzinfo=UTC)):
    return [f"{first + timedelta(days=day):{FORMAT}}" for day in range(count)]


def test_days_then_weeks_then_months_stay():
    stay = sorted(kept(nights(365), 14, 8, 12))
    assert stay[-14:] == nights(365)[-14:]
    gaps = [moment(later) - moment(earlier) for earlier, later in pairwise(stay)]
    assert max(gaps) <= timedelta(days=31)
    assert len({name[:7] for name in stay}) == 12
    assert len(stay) == 14 + 5 + 10  # three of the weeks lie within the days, and one more ends with its month


def test_all_of_the_last_two_days_stay():
    several = [f"2026-11-21T{hour:02}0000" for hour in range(24)]
    assert kept(several, 1, 1, 1) == frozenset(several)


@settings(max_examples=50, deadline=None)
@given(st.sets(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), max_size=40), st.integers(0, 20))
def test_the_newest_stays_and_thinning_twice_removes_no_more(moments, days):
    names = sorted(f"{one:{FORMAT}}" for one in moments)
    stay = kept(names, days, 8, 12)
    assert stay <= set(names)
    assert set(names[-1:]) <= stay
    assert kept(sorted(stay), days, 8, 12) == stay


def test_thinning_removes_what_an_earlier_one_left(tmp_path):
    for name in nights(40):
        (tmp_path / name / "homes").mkdir(parents=True)
    (tmp_path / ".removing-2024-01-01T000000").mkdir()
    removed = Copies(tmp_path).thin(3, 1, 1)["removed"]
    assert nights(40)[-1] not in removed
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(nights(40)) - set(removed))
