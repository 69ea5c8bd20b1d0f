"""First passwords as the carer sees them: who gets one, and a file that only he can read."""

import stat
from pathlib import Path
from typing import Any

import pytest

from appliance.auth.envelope import seal

PEOPLE = [
    {"login": "zoe.weiss", "name": "Zoë Weiß", "groups": ["klasse3a"]},
    {"login": "ali.winter", "name": "Ali Winter", "groups": ["klasse4a", "agchor"]},
]


@pytest.fixture
def asked(server) -> list[dict[str, Any]]:
    """What the server was asked; it gives two people their passwords."""
    seen: list[dict[str, Any]] = []

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        seen.append(given)
        recipient = given.get("recipient")
        passwords = [{"login": one["login"], "password": "Kamu-tibo-472"} for one in reversed(PEOPLE)]
        sealed = "" if recipient is None else seal(passwords, recipient)
        return {"people": PEOPLE, "sealed": sealed, "warnings": ["1 accounts have no password yet"]}

    server.answers["users.first-passwords"] = answer
    return seen


def test_a_dry_run_asks_for_no_password(schoolserver, asked):
    done = schoolserver("users", "first-passwords", "--group", "klasse3a", "--dry-run")
    assert done.exit_code == 0
    assert "password zoe.weiss  Zoë Weiß  klasse3a" in done.output
    assert "2 people have no password yet" in done.output
    assert asked == [{"group": "klasse3a"}]


def test_the_file_has_a_line_for_each_in_the_order_of_the_classes(schoolserver, asked, tmp_path: Path):
    path = tmp_path / "new.csv"
    done = schoolserver("users", "first-passwords", "--passwords", str(path))
    assert done.exit_code == 0, done.output
    assert f"2 one-time passwords are in {path}" in done.output
    assert "Warning: 1 accounts" in done.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8-sig").splitlines() == [
        "Login;Name;Gruppen;Einmalpasswort",
        "zoe.weiss;Zoë Weiß;klasse3a;Kamu-tibo-472",
        "ali.winter;Ali Winter;klasse4a agchor;Kamu-tibo-472",
    ]
    again = schoolserver("users", "first-passwords", "--passwords", str(path))
    assert again.exit_code == 1, "what is in a file already is not overwritten"
    assert len(asked) == 1


def test_where_everybody_has_one_no_file_is_left(schoolserver, server, tmp_path: Path):
    server.answers["users.first-passwords"] = lambda _given: {"people": [], "sealed": "", "warnings": []}
    done = schoolserver("users", "first-passwords", "--passwords", str(tmp_path / "new.csv"))
    assert "Everybody has a password already" in done.output
    assert list(tmp_path.iterdir()) == []
