"""A password is checked after the account's mark was read, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from appliance.auth.binds import DirectoryCalls
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryRefused, DirectoryUnavailable
from appliance.directory.records import Checked, Mark

FRED, RIGHT, MARK, NEWER = "fred.mustermann", Secret("Kamel-Zaun-7"), (b"id", b"1"), (b"id", b"2")


class Directory:
    """Gives one mark, and says what was asked of it; ``error`` instead of a mark."""

    def __init__(self, error: Exception | None = None) -> None:
        self.stands: Mark = MARK
        self.error = error
        self.asked: list[str] = []

    def mark(self, _login: str) -> Mark:
        self.asked.append("mark")
        if self.error is not None:
            raise self.error
        return self.stands

    def check(self, _login: str, _password: Secret) -> Checked:
        self.asked.append("check")
        self.stands = NEWER
        return Checked.GOOD

    def close(self) -> None:
        """Nothing to give back."""


def ask(directory: Directory, known: Mark | None) -> tuple[Checked, Mark | None]:
    calls = DirectoryCalls(directory, 1, 5.0)  # type: ignore[arg-type]
    try:
        return asyncio.run(calls.check_since(FRED, RIGHT, known))
    finally:
        calls.close()


def test_the_mark_is_that_from_before_the_check_for_what_changes_meanwhile_counts() -> None:
    directory = Directory()
    assert ask(directory, None) == (Checked.GOOD, MARK)
    assert ask(directory, MARK) == (Checked.GOOD, NEWER)
    assert directory.asked == ["mark", "check"] * 2


def test_while_the_mark_is_the_known_one_nothing_is_checked() -> None:
    directory = Directory()
    assert ask(directory, MARK) == (Checked.GOOD, MARK)
    assert directory.asked == ["mark"]


@pytest.mark.parametrize("error", [DirectoryUnavailable("away"), DirectoryRefused("no right to")])
def test_without_a_mark_the_password_is_checked(error: Exception) -> None:
    directory = Directory(error)
    assert ask(directory, MARK) == (Checked.GOOD, None)
    assert directory.asked == ["mark", "check"]
