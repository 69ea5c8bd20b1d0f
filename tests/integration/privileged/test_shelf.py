"""Homes and group folders whose ids have other names now, or are gone."""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from appliance.daemon.request_server import Peer, RequestError
from appliance.privileged.giving import Heir, give
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from appliance.privileged.names import Ids
from appliance.privileged.shelf import Former, HomeError
from appliance.privileged.tree import Tree

ROOT = os.geteuid() == 0
NEEDS_ROOT = pytest.mark.skipif(not ROOT, reason="only root can give folders away")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(mkdtemp(prefix="ss-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def groups(place: Path) -> Groups:
    return Groups(place, lambda: NOW)


def put(path: Path, uid: int, gid: int, mode: int = 0o660) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("content")
    if ROOT:
        os.chown(path, uid, gid)
    path.chmod(mode)
    return path


@NEEDS_ROOT
def test_a_class_that_is_called_otherwise_keeps_its_files(groups: Groups, place: Path) -> None:
    groups.make("klasse3a", 30001)
    put(place / "klasse3a" / "poster", 20001, 30001)
    assert groups.make("klasse4a", 30001) is False
    assert sorted(path.name for path in place.iterdir()) == ["klasse4a"]
    assert (place / "klasse4a" / "poster").exists()


@NEEDS_ROOT
def test_all_classes_move_up_by_one(groups: Groups, place: Path) -> None:
    for year in range(1, 5):
        groups.make(f"klasse{year}", 30000 + year)
        put(place / f"klasse{year}" / f"of{year}", 20001, 30000 + year)
    for year in range(1, 5):
        groups.make(f"klasse{year % 4 + 1}", 30000 + year, f"klasse{year}")
    assert sorted(path.name for path in place.iterdir()) == ["klasse1", "klasse2", "klasse3", "klasse4"]
    assert [(place / f"klasse{year % 4 + 1}" / f"of{year}").exists() for year in range(1, 5)] == [True] * 4
    for year in range(1, 5):
        assert stat.S_IMODE((place / f"klasse{year}").stat().st_mode) == 0o2770
        assert (place / f"klasse{year % 4 + 1}").stat().st_gid == 30000 + year


@NEEDS_ROOT
def test_what_was_put_aside_comes_back_to_its_name_not_to_its_number_alone(groups: Groups, place: Path) -> None:
    groups.make("film", 30001)
    put(place / "film" / "cut.mp4", 20001, 30001)
    groups.put_aside("film", 30001)
    assert groups.make("chor", 30001) is True
    assert list((place / "chor").iterdir()) == []
    assert [one.name for one in groups.former()] == ["film"]
    groups.put_aside("chor", 30001)
    assert groups.make("film", 30001) is False
    assert (place / "film" / "cut.mp4").exists()


@NEEDS_ROOT
@pytest.mark.parametrize("aside", [False, True])
def test_a_number_alone_never_carries_a_home_to_another_login(place: Path, aside: bool) -> None:
    homes = Homes(place, lambda: NOW)
    homes.make("fred", 20001, 20001)
    put(place / "fred" / "diary", 20001, 20001)
    if aside:
        homes.put_aside("fred", 20001)
    assert homes.make("anna", 20001, 20001) is True
    assert list((place / "anna").iterdir()) == []
    hidden = place / ".former-20261121-20001-fred"
    assert (hidden.stat().st_uid, stat.S_IMODE(hidden.stat().st_mode)) == (0, 0o700)
    assert not (place / "fred").exists()
    assert homes.make("fred", 20001, 20001) is False
    assert (place / "fred" / "diary").read_text() == "content"
    assert [one.name for one in homes.former()] == ["anna"]


@NEEDS_ROOT
def test_two_homes_of_one_number_leave_one(place: Path) -> None:
    homes = Homes(place, lambda: NOW)
    homes.make("fred", 20001, 20001)
    put(place / "anna" / "diary", 20001, 20001)
    os.chown(place / "anna", 20001, 20001)
    assert homes.make("fred", 20001, 20001) is False
    assert homes.standing() == {"fred": 20001}
    assert [one.name for one in homes.former()] == ["anna"]


@NEEDS_ROOT
def test_a_folder_made_by_hand_is_the_systems_own(place: Path) -> None:
    """Its id is none that accounts have: it is listed so, stays, and stops nothing."""
    for kind in ("homes", "groups"):
        (place / kind).mkdir()
    tree = Tree(place)
    verbs = tree.verbs(lambda _: True, lambda: Ids(20000, 59999))
    peer = Peer(0, 0, 0)

    def ask(verb: str, **arguments: object) -> Mapping[str, Any]:
        wanted = verbs[verb].arguments
        return asyncio.run(verbs[verb].handler({**dict.fromkeys(wanted), **arguments}, peer))

    try:
        ask("group-make", name="klasse3a", gid=30001)
        for kind, name, uid, gid in (("groups", "gemeinsam", 0, 100), ("homes", "carer", 1000, 1000)):
            (place / kind / name).mkdir()
            os.chown(place / kind / name, uid, gid)
        found = ask("folders-list")
        assert found["groups"] == {"gemeinsam": 0, "klasse3a": 30001}
        assert found["homes"] == {"carer": 0}
        with pytest.raises(RequestError, match="system's own"):
            ask("home-make", login="carer", uid=20001, gid=20001)
        (place / "homes" / "carer").rename(place / "homes" / ".former-20260101-1000-carer")
        assert ask("folder-remove", kind="homes", name="carer", number=1000)["done"] is True
    finally:
        tree.stop()


def test_what_is_put_aside_is_open_to_nobody_and_comes_back_with_its_id(groups: Groups, place: Path) -> None:
    number = 30001 if ROOT else 0
    groups.make("film", 30001)
    put(place / "film" / "cut.mp4", 20001, 30001)
    assert groups.put_aside("film", 30001) is True
    assert groups.put_aside("film", 30001) is False
    assert groups.former() == [Former("film", number, date(2026, 11, 21))]
    aside = (place / f".former-20261121-{number}-film").stat()
    assert (stat.S_IMODE(aside.st_mode), aside.st_uid) == (0o700, os.geteuid())
    assert groups.standing() == {}
    assert groups.make("film", 30001) is False
    assert (place / "film" / "cut.mp4").read_text() == "content"
    assert stat.S_IMODE((place / "film").stat().st_mode) == 0o2770
    assert groups.former() == []


@NEEDS_ROOT
def test_another_group_of_the_name_finds_it_empty(groups: Groups, place: Path) -> None:
    groups.make("film", 30001)
    put(place / "film" / "cut.mp4", 20001, 30001)
    assert groups.make("film", 30002) is True
    assert list((place / "film").iterdir()) == []
    assert [one.number for one in groups.former()] == [30001]
    assert groups.put_aside("film", 30001) is False


@NEEDS_ROOT
def test_what_a_power_cut_left_open_is_closed_at_the_start(groups: Groups, place: Path) -> None:
    groups.make("film", 30001)
    (place / "film").rename(place / ".former-20261121-30001-film")
    assert groups.sweep() == 0
    aside = (place / ".former-20261121-30001-film").stat()
    assert (stat.S_IMODE(aside.st_mode), aside.st_uid, aside.st_gid) == (0o700, 0, 0)
    assert groups.make("film", 30001) is False


def test_thrown_away_is_gone(groups: Groups, place: Path) -> None:
    groups.make("film", 30001)
    put(place / "film" / "deep" / "er" / "cut.mp4", 20001, 30001)
    groups.put_aside("film", 30001)
    (one,) = groups.former()
    assert groups.throw_away(one) is True
    assert groups.throw_away(one) is False
    assert groups.empty() == 0
    assert list(place.iterdir()) == []


@NEEDS_ROOT
def test_a_folder_moved_in_by_hand_is_found(groups: Groups, place: Path) -> None:
    groups.make("a", 30001)
    groups.make("b", 30002)  # what is there is known now
    os.rename(place / "a", place / "a-by-hand")
    assert groups.make("a", 30001) is False
    assert sorted(groups.standing()) == ["a", "b"]


@NEEDS_ROOT
def test_a_former_groups_files_are_given_to_another_group(groups: Groups, place: Path) -> None:
    groups.make("film", 30001)
    groups.make("klasse4a", 30002)
    cut = put(place / "film" / "raw" / "cut.mp4", 20001, 30001, 0o600)
    shared = put(place / "film" / "shared", 20001, 30001)
    os.link(shared, place / "outside")
    groups.put_aside("film", 30001)
    (one,) = groups.former()
    name, mended = give(place, one, Heir("klasse4a", 30002, home=False))
    assert (name, mended.left) == ("Former-film", 1)
    found = (place / "klasse4a" / name / "raw" / "cut.mp4").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (20001, 30002, 0o660)
    top = (place / "klasse4a" / name).stat()
    assert (top.st_gid, stat.S_IMODE(top.st_mode)) == (30002, 0o2770)
    assert (place / "outside").stat().st_gid == 30001
    assert not cut.exists()
    assert groups.former() == []


@NEEDS_ROOT
def test_a_former_home_is_given_to_its_owners_new_account(place: Path) -> None:
    homes = Homes(place, lambda: NOW)
    homes.make("fred", 20001, 20001)
    homes.make("fred2", 20002, 20002)
    put(place / "fred" / "letters" / "one", 20001, 20001, 0o600)
    put(place / "fred2" / "Former-fred", 20002, 20002)
    homes.put_aside("fred", 20001)
    (one,) = homes.former()
    name, _ = give(place, one, Heir("fred2", 20002, home=True))
    assert name == "Former-fred-2"
    for path in (place / "fred2" / name, place / "fred2" / name / "letters" / "one"):
        assert (path.stat().st_uid, path.stat().st_gid) == (20002, 20002)
    assert stat.S_IMODE((place / "fred2" / name).stat().st_mode) == 0o700


@NEEDS_ROOT
def test_nothing_is_given_into_the_folder_of_another_id(groups: Groups, place: Path) -> None:
    groups.make("film", 30001)
    groups.make("klasse4a", 30002)
    groups.put_aside("film", 30001)
    (one,) = groups.former()
    for heir in (Heir("klasse4a", 30003, home=False), Heir("none", 30003, home=False)):
        with pytest.raises(HomeError):
            give(place, one, heir)
    assert groups.former() == [one]
