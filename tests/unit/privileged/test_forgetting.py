"""Which folders of former versions were those of one deleted for good, and that the wish outlives us."""

import os

import pytest

from appliance.privileged.forgetting import Deleted, done, note, noted
from appliance.privileged.shadowing import Shadowing
from appliance.privileged.shadows import SHADOWS


def status(uid, gid=100):
    return os.stat_result((0o40700, 1, 1, 1, uid, gid, 0, 0, 0, 0))


FRED = Deleted("homes", "fred.muster", 20000, ("new.person",))


@pytest.mark.parametrize(
    ("name", "uid", "was"),
    [
        ("fred.muster", 20000, True),
        ("fred.before", 20000, True),  # renamed since
        (".former-20261101-20000-fred.before", 0, True),
        ("new.person", 20000, False),  # has this number now
        (".former-20261101-20000-new.person", 0, False),
        ("fred.muster", 20001, False),  # has this login now
        (".former-20261101-20001-fred.muster", 0, False),
    ],
)
def test_the_number_tells_whose_it_was(name, uid, was):
    assert FRED.was(name, status(uid)) is was


def test_a_group_is_known_by_the_group():
    assert Deleted("groups", "klasse4a", 20100).was("klasse3a", status(0, 20100))
    assert not Deleted("groups", "klasse4a", 20100).was("klasse4a", status(20100, 20101))


def test_where_all_is_ours_names_count():
    assert Deleted("homes", "fred.muster", 0).was("fred.muster", status(1000))
    assert not Deleted("homes", "fred.muster", 0).was("ida.muster", status(1000))


@pytest.fixture
def folder(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_note_is_read_as_it_was_written_until_it_is_done(folder, tmp_path):
    name = note(FRED, folder)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert "fred" not in name
    assert list(noted(folder)) == [(name, FRED)]
    done(name, folder)
    assert list(noted(folder)) == []


@pytest.mark.parametrize("text", ["", '{"kind": "homes"', '["homes"]', '{"kind": "homes"}'])
def test_half_a_note_is_none(text, folder, tmp_path):
    (tmp_path / ".forget-1").write_text(text)
    assert list(noted(folder)) == []
    assert os.listdir(tmp_path) == []


def test_what_could_not_be_forgotten_is_tried_again_with_the_next(tmp_path, monkeypatch, caplog):
    """Also by the one after us: the note stays until it is done."""
    (tmp_path / SHADOWS).mkdir()
    shadowing = Shadowing(tmp_path, "SCHULE")
    broken = [True]

    def taken(_self):
        if broken:
            raise OSError(5, "Input/output error")
        return ()

    monkeypatch.setattr("appliance.privileged.shadows.Shadows.taken", taken)
    monkeypatch.setattr("appliance.privileged.shadows.Shadows.take", lambda _self: "x")
    shadowing.note(FRED)().result(10)
    assert "cannot" not in caplog.text
    assert "tried again" in caplog.text
    assert len(os.listdir(tmp_path / SHADOWS)) == 1
    broken.clear()
    assert shadowing._make() == "x"
    assert os.listdir(tmp_path / SHADOWS) == []
    shadowing.stop()
