"""The import as the carer sees it: the plan, and a file of one-time passwords that only he can read."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from appliance.auth.envelope import seal
from appliance.cli.users_import import plan_lines

PARTS = ("new", "changed", "moved", "gone", "returned", "unissued", "waiting")
NOTHING: dict[str, Any] = {part: [] for part in PARTS}
ZOE = {"login": "zoe.weiss", "name": "Zoë Weiß", "groups": ["klasse3a", "agchor"]}
GIVEN = {"login": "zoe.weiss", "password": "Kamu-tibo-472"}


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "schueler.csv"
    path.write_text("Import-ID;Vorname;Nachname\n1;Zoë;Weiß\n", encoding="utf-8")
    return path


@pytest.fixture
def imports(server, schoolserver, roster: Path, tmp_path: Path) -> Callable[..., Result]:
    """Runs ``users import`` of one new pupil, with the passwords going to ``passwords.csv``."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        plan = {**NOTHING, "new": [ZOE]}
        if asked["dry_run"]:
            return {"plan": plan}
        sealed = " ".join((seal([GIVEN], asked["recipient"]), seal([], asked["recipient"])))
        return {"plan": plan, "applied": True, "sealed": sealed, "warnings": ["one home is missing"]}

    server.answers["users.import"] = answer
    return lambda *argv: schoolserver("users", "import", str(roster), "--passwords", str(tmp_path / "p.csv"), *argv)


def test_the_plan_is_told_line_by_line() -> None:
    plan = {
        "new": [ZOE],
        "changed": [{"login": "ben.voss", "what": {"surname": ["Voß", "Voss"]}}],
        "moved": [{"login": "mia.vogel", "leaves": ["klasse3a"], "joins": ["klasse3b"]}],
        "returned": ["emma.jaeger"],
        "gone": ["ali.winter"],
        "unissued": ["fred.mustermann"],
        "waiting": [{"name": "Karl Ohne", "line": 7}],
    }
    lines = plan_lines(plan)
    assert "new      zoe.weiss  Zoë Weiß  klasse3a agchor" in lines
    assert "changed  ben.voss  surname: Voß -> Voss" in lines
    assert "moved    mia.vogel  -klasse3a +klasse3b" in lines
    assert "back     emma.jaeger" in lines
    assert "gone     ali.winter" in lines
    assert any("Karl Ohne" in line and "7" in line for line in lines)
    assert all(f"1 {part}" in lines[-1] for part in PARTS)


def test_an_empty_plan_says_so() -> None:
    assert plan_lines(NOTHING) == ["Plan: nothing to do."]


def test_a_dry_run_asks_once_and_writes_nothing(server, imports: Callable[..., Result], tmp_path: Path) -> None:
    ran = imports("--dry-run")
    assert ran.exit_code == 0
    assert [asked["dry_run"] for _verb, asked in server.asked] == [True]
    assert not (tmp_path / "p.csv").exists()


def test_the_plan_is_shown_before_it_is_done(server, imports: Callable[..., Result], tmp_path: Path) -> None:
    ran = imports()
    assert ran.exit_code == 0, ran.output
    assert [asked["dry_run"] for _verb, asked in server.asked] == [True, False]
    assert ran.output.index("new      zoe.weiss") < ran.output.index("Done.")
    assert "one home is missing" in ran.output
    assert "Kamu-tibo-472" not in ran.output


def test_passwords_of_every_envelope_are_in_a_file_of_mode_0600(imports: Callable[..., Result], tmp_path: Path) -> None:
    """K03: a line a person, for the office to cut into strips."""
    imports()
    path = tmp_path / "p.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8-sig").splitlines() == [
        "Login;Name;Gruppen;Einmalpasswort",
        "zoe.weiss;Zoë Weiß;klasse3a agchor;Kamu-tibo-472",
    ]


def test_a_file_that_is_there_stops_it_before_anything_is_changed(
    server, imports: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text("last year's")
    ran = imports()
    assert ran.exit_code == 1
    assert "nothing was changed" in ran.output
    assert (tmp_path / "p.csv").read_text() == "last year's"
    assert [asked["dry_run"] for _verb, asked in server.asked] == [True]


def test_a_refused_import_leaves_no_empty_file(server, imports: Callable[..., Result], tmp_path: Path) -> None:
    plain = server.answers["users.import"]
    busy = click.ClickException("another import is running")
    server.answers["users.import"] = lambda asked: plain(asked) if asked["dry_run"] else busy
    ran = imports()
    assert ran.exit_code == 1
    assert "another import is running" in ran.output
    assert not (tmp_path / "p.csv").exists()


def test_consents_need_the_text_that_was_signed(server, imports: Callable[..., Result]) -> None:
    """K23."""
    assert imports("--consent", "account").exit_code == 2
    assert server.asked == []
    assert imports("--consent", "account", "--consent", "logs", "--consent-version", "2026-08").exit_code == 0
    assert server.asked[0][1]["consents"] == ["account", "logs"]
    assert server.asked[0][1]["consent_version"] == "2026-08"
