"""Seeding the demo: everybody gets a password of his own by the ordinary change, once; what was cut goes on."""

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.auth.envelope import Keys, seal
from appliance.demo.accounts import SeedError, seed
from appliance.policy.passwords import problems

EVERYBODY = ("fred.mustermann", "emma.jaeger", "ben.voss")


class School:
    """A server at the seam of the control client: it issues and changes passwords as the real one does."""

    def __init__(self) -> None:
        self.keys = Keys.generate()
        self.passwords: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.asked: list[str] = []
        self.deaf: set[str] = set()

    def call(
        self, verb: str, arguments: Mapping[str, Any], on_progress: Callable[[int, int, str], None] | None = None
    ) -> dict[str, Any]:
        self.asked.append(verb)
        return getattr(self, "_" + verb.replace(".", "_").replace("-", "_"))(arguments)

    def still_right(self, login: str, password: str) -> bool:
        return self.passwords[login] == password

    def _issue(self, logins: list[str], recipient: str) -> str:
        for login in logins:
            self.passwords[login] = f"One-time-{len(self.asked)}"
        return seal([{"login": login, "password": self.passwords[login]} for login in logins], recipient)

    def _users_import(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        new = [login for login in EVERYBODY if login not in self.passwords]
        return {"sealed": self._issue(new, arguments["recipient"]) if new else None}

    def _users_list(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "users": [
                {"login": login, "role": "pupil", "groups": ["klasse3a"], "state": self.states.get(login, "active")}
                for login in self.passwords
            ]
        }

    def _users_reset_password(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"sealed": self._issue([arguments["login"]], arguments["recipient"])}

    def _auth_key(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"key": self.keys.public}

    def _passwd(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        asked = self.keys.open(arguments["envelope"])
        login = asked["login"]
        if login in self.deaf:
            return {"answer": "try-later", "problems": []}
        if asked["old"] != self.passwords[login] or self.states.get(login) == "disabled":
            return {"answer": "refused", "problems": []}
        self.passwords[login] = asked["new"]
        return {"answer": "changed", "problems": []}


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def start(school: School, tmp_path: Path) -> Callable[[], dict[str, str]]:
    """Starts the demo once more; gives login -> password as the contract will name them."""
    roster = tmp_path / "roster.csv"
    roster.write_text("not read here")

    def run() -> dict[str, str]:
        school.asked.clear()
        accounts = seed(school, roster, tmp_path / "accounts.json", school.still_right, lambda *_: None)
        return {account.login: account.password for account in accounts}

    return run


def test_everybody_has_a_password_of_his_own(school: School, start: Callable[[], dict[str, str]], tmp_path: Path):
    """Set by the ordinary change of the one-time one (ARCHITECTURE.md); each satisfies K02."""
    given = start()
    assert given == school.passwords
    assert len(set(given.values())) == len(EVERYBODY)
    assert [problems(password, login) for login, password in given.items()] == [()] * len(EVERYBODY)
    assert stat.S_IMODE((tmp_path / "accounts.json").stat().st_mode) == 0o600


def test_a_second_start_changes_nothing(school: School, start: Callable[[], dict[str, str]]) -> None:
    first = start()
    assert start() == first
    assert "passwd" not in school.asked
    assert "users.reset-password" not in school.asked


def test_who_was_imported_by_hand_is_left_as_he_is(school: School, start: Callable[[], dict[str, str]]) -> None:
    """His password is his own business, and the demo's start does not depend on him."""
    start()
    school.passwords["zoe.weiss"] = "Known-to-zoe-alone-1"
    assert start().keys() == set(EVERYBODY)
    assert school.passwords["zoe.weiss"] == "Known-to-zoe-alone-1"


def test_who_has_gone_does_not_stop_a_start(school: School, start: Callable[[], dict[str, str]]) -> None:
    """A disabled account cannot sign in: it is not among those offered to scripts."""
    start()
    school.states["ben.voss"] = "disabled"
    assert start().keys() == set(EVERYBODY) - {"ben.voss"}


def test_what_was_cut_in_the_import_goes_on(
    school: School, start: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    """The accounts are there, their one-time passwords were lost on the way: everybody gets a fresh one."""
    start()
    (tmp_path / "accounts.json").unlink()
    assert start() == school.passwords
    assert school.asked.count("users.reset-password") == len(EVERYBODY)


def test_what_was_cut_before_the_changes_goes_on(school: School, start: Callable[[], dict[str, str]]) -> None:
    """One-time passwords are on the disk before the first is changed."""
    school.deaf = {"ben.voss"}
    with pytest.raises(SeedError, match="1 passwords could not be changed"):
        start()
    school.deaf = set()
    assert start() == school.passwords
    assert school.asked.count("passwd") == 1


def test_what_was_cut_after_a_change_is_reset(
    school: School, start: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    """The change arrived, the file of passwords did not: there is a fresh one-time password, changed in its turn."""
    start()
    path = tmp_path / "accounts.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "ben.voss": ["One-time-0", True]}))
    assert start() == school.passwords
    assert school.asked.count("users.reset-password") == 1
