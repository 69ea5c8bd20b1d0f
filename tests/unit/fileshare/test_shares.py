"""Which place a path means: never one outside of the account's own folders."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.fileshare.shares import Hall, NoSuchPlace, Place, is_name, locate, shares_of
from appliance.policy.account import Account, Group, GroupKind, Role
from appliance.policy.snapshot import Snapshot, Version

GROUPS = {
    "klasse3a": Group("klasse3a", GroupKind.CLASS, 30003),
    "chor": Group("chor", GroupKind.CLUB, 30001),
    "kollegium": Group("kollegium", GroupKind.STAFF, 30002),
    "../homes": Group("../homes", GroupKind.CLUB, 30009),
}


def shares(*groups: str):
    snapshot = Snapshot(Version(1, 1), "files", "schule.example", ZoneInfo("Europe/Berlin"), groups=GROUPS)
    return shares_of(snapshot, Account("fred", 20001, Role.PUPIL, groups=groups))


PUPIL, TEACHER = shares("chor", "klasse3a"), shares("klasse3a", "kollegium")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", Hall(("Home", "Groups"))),
        ("/Groups", Hall(("chor", "klasse3a"))),
        ("/Groups/../Groups/", Hall(("chor", "klasse3a"))),
        ("/Home", Place("homes", "fred")),
        ("/Home/a/./b//c", Place("homes", "fred", ("a", "b", "c"))),
        ("/Home/a/../b", Place("homes", "fred", ("b",))),
        ("/Home/..", Hall(("Home", "Groups"))),
        ("/../../Home", Place("homes", "fred")),
        ("/Groups/klasse3a/x", Place("groups", "klasse3a", ("x",))),
        ("/Home/Äpfel und 🍐\u202f.odt", Place("homes", "fred", ("Äpfel und 🍐\u202f.odt",))),
    ],
)
def test_places(path: str, place: Hall | Place) -> None:
    assert locate(PUPIL, path) == place


@pytest.mark.parametrize(
    "path",
    [
        "/homes/fred",
        "/home",
        "/Groups/klasse3b",
        "/Groups/kollegium",
        "/Staff",
        "/Home/a\0b",
        "/Home/a\nb",
        "/Home/" + "x" * 256,
        "/Home/\udcff",
        "/Home" + "/x" * 200,
        "/Home" + f"/{'ü' * 100}" * 6,
        "/etc/passwd",
    ],
)
def test_what_does_not_exist(path: str) -> None:
    with pytest.raises(NoSuchPlace):
        locate(PUPIL, path)


def test_the_staff_folder() -> None:
    assert locate(TEACHER, "/") == Hall(("Home", "Groups", "Staff"))
    assert locate(TEACHER, "/Staff/x") == Place("groups", "kollegium", ("x",))
    assert locate(TEACHER, "/Groups") == Hall(("klasse3a",))
    assert TEACHER.gids == (30002, 30003)


def test_a_group_with_a_dangerous_name_has_no_folder() -> None:
    odd = shares("../homes")
    assert not odd.groups and odd.gids == (30009,)
    assert locate(odd, "/") == Hall(("Home",))
    with pytest.raises(NoSuchPlace):
        locate(odd, "/Groups")


PIECES = st.sampled_from(
    ["..", ".", "", "Home", "Groups", "Staff", "klasse3a", "homes", "x", "a b", "...", "..\0", "\\.."]
)


@given(st.lists(PIECES | st.text(max_size=8) | st.text("./\\ \0", max_size=6)))
@settings(max_examples=300)
def test_no_path_leaves(parts: list[str]) -> None:
    try:
        found = locate(PUPIL, "/" + "/".join(parts))
    except NoSuchPlace:
        return
    if isinstance(found, Place):
        assert (found.area, found.name) in {("homes", "fred"), ("groups", "klasse3a"), ("groups", "chor")}
        assert all(is_name(part) and part not in ("", ".", "..") and "/" not in part for part in found.parts)
