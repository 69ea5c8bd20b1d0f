"""The list of those who are still to be told of a cut upload, and that of who is there, over a restart."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.fileshare.smb.kept import Kept, keep, kept
from appliance.fileshare.smb.remains import Remains
from appliance.fileshare.smb.told import Told
from appliance.session.signed_in import SignedIn

CUT = Remains(("Home", "sub", "film"), removed=True)
NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.json"


def told(path: Path, now: float = NOW) -> Told:
    return Told(path, lambda: now)


def test_what_is_to_be_told_outlives_the_door(path: Path) -> None:
    told(path).add("fred", [CUT, Remains(("Groups", "3a", "old"), removed=False)])
    first, second = told(path).waiting()
    assert first == {"id": first["id"], "login": "fred", "path": "Home/sub/film", "removed": True, "at": NOW}
    assert (second["path"], second["removed"]) == ("Groups/3a/old", False)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_told_is_forgotten_and_its_number_not_given_again_at_once(path: Path) -> None:
    one = told(path)
    one.add("fred", [CUT, CUT])
    first, second = one.waiting()
    one.done([first["id"], 999])
    again = told(path)
    assert again.waiting() == [second]
    again.add("frida", [CUT])
    assert len({each["id"] for each in (first, *again.waiting())}) == 3


def test_of_very_many_the_first_ones_are_told(path: Path) -> None:
    one = told(path)
    one.add("fred", [CUT] * 10_000)
    assert 1 <= len(one.waiting()) <= 20
    one.add("frida", [CUT])
    assert one.waiting()[-1]["login"] == "frida"


def test_many_together_keep_nobody_else_from_being_told(path: Path) -> None:
    one = told(path)
    for number in range(40):
        one.add(f"colluder{number}", [CUT] * 20)
    assert len(one.waiting()) == 500
    one.add("fred", [CUT, CUT])
    assert len(one.waiting()) == 500
    assert [each["login"] for each in one.waiting()[-2:]] == ["fred", "fred"]
    mine = [each["login"] for each in one.waiting()]
    assert all(mine.count(f"colluder{number}") for number in range(40)), "each is told of something"


def test_what_nobody_could_be_told_for_a_week_is_forgotten(path: Path) -> None:
    told(path).add("fred", [CUT])
    assert told(path, NOW + 6 * 86_400).waiting()
    assert not told(path, NOW + 8 * 86_400).waiting()
    assert not told(path).waiting(), "the file has forgotten it too"


def test_a_name_that_is_no_text_can_be_told(path: Path) -> None:
    told(path).add("fred", [Remains(("Home", "f\udce4cher"), removed=True)])
    assert told(path).waiting()[0]["path"].startswith("Home/f")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b'{"1": 2}', b'{"x": {}}', b'{"1": {"login": "fred"}}'])
def test_a_list_that_cannot_be_read_is_empty(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert told(path).waiting() == []
    assert list(kept(path)) == []


def test_a_list_that_cannot_be_written_is_reported_without_a_name(tmp_path: Path, caplog) -> None:
    one = told(tmp_path / "missing" / "list.json")
    one.add("fred", [CUT])
    assert one.waiting()
    assert "fred" not in caplog.text
    assert "film" not in caplog.text
    assert caplog.records


@pytest.mark.parametrize("changed", [None, datetime(2026, 9, 1, 12, 30, 1, 5, tzinfo=UTC)])
@pytest.mark.parametrize("limit", [None, 0, 4_000_001])
def test_who_is_there_is_known_to_the_next_door(path: Path, changed: datetime | None, limit: int | None) -> None:
    who = SignedIn("fred", datetime(2026, 11, 21, 9, 0, 0, 7, tzinfo=UTC), changed)
    smbd = SimpleNamespace(pid=4711, started=99, limit=limit)
    guest = SimpleNamespace(visit=SimpleNamespace(who=who), seat=SimpleNamespace(smbd=smbd), address="10.9.0.2")
    guests: Any = [guest]
    assert keep(path, guests)
    assert list(kept(path)) == [Kept(4711, 99, who, "10.9.0.2", limit)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_list_of_who_is_there_that_cannot_be_written_is_no_yes(tmp_path: Path) -> None:
    assert not keep(tmp_path / "missing" / "list.json", [])


def test_nobody_was_there_at_the_first_start(path: Path) -> None:
    assert list(kept(path)) == []
