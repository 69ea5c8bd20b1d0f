"""A recovery overwrites nothing: whatever a server has left is told."""

import pytest

from appliance.recovery.fresh import problems
from appliance.setup.places import Places


@pytest.fixture
def places(tmp_path):
    made = Places(
        settings=tmp_path / "etc",
        units=tmp_path / "units",
        layout={"state": tmp_path / "state", "data": tmp_path / "data"},
    )
    for folder in (made.settings, made.units, made.state / "auth", *(tmp_path / "data" / n for n in ("homes", "mail"))):
        folder.mkdir(parents=True)
    (made.units / "schoolserver-auth.service").touch()
    (made.state / "state-format").write_text("1\n", encoding="ascii")
    return made


def test_a_machine_with_our_packages_alone_is_fresh(places):
    assert problems(places) == []


def test_a_machine_without_our_packages_is_told(places):
    (places.units / "schoolserver-auth.service").unlink()
    assert "install the packages first" in problems(places)[0]


def test_a_server_that_is_set_up_is_told_and_nothing_else(places):
    places.marker.touch()
    (places.settings / "school.yaml").touch()
    assert problems(places) == [
        "this machine is a school's server already; a recovery is for a fresh one and overwrites nothing"
    ]


@pytest.mark.parametrize(
    "left", ["etc/school.yaml", "state/auth/auth.db", "state/odd", "data/homes/fred", "data/mail/x"]
)
def test_what_a_server_has_left_is_told(places, tmp_path, left):
    (tmp_path / left).touch()
    assert [one for one in problems(places) if str((tmp_path / left).parent) in one or "state" in one]


def test_what_an_attempt_before_has_fetched_does_not_count(places):
    (places.state / "recovery").mkdir()
    (places.state / "recovery" / "dump.age").touch()
    assert problems(places) == []
