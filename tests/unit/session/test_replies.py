"""A table of replies gives a line for everything that can stand in the way."""

import pytest

from appliance.daemon.texts import translator
from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import ACCOUNT_TEXTS, Column

TEXTS = {Reason.NOT_OPEN: "Not open.", Reason.TOO_LARGE: "Too large."}
COLUMN = Column("550", TEXTS, {hitch: f"450 {hitch}" for hitch in Hitch}, {Reason.TOO_LARGE: "552"})


def shout(text: str) -> str:
    return text.upper()


@pytest.mark.parametrize(
    ("obstacle", "line"),
    [
        (Obstacle(Reason.TOO_LARGE, "7KQF-2MXA"), "552 TOO LARGE. (code 7KQF-2MXA)"),
        (Obstacle(Reason.NOT_OPEN), "550 NOT OPEN."),
        (Obstacle(Reason.CLOSED_PORT, "7KQF-2MXA"), "550 NOT OPEN. (code 7KQF-2MXA)"),
        (Obstacle(Hitch.LATER, retry_after=3.0), "450 LATER"),
    ],
)
def test_lines(obstacle: Obstacle, line: str) -> None:
    assert COLUMN.line(obstacle, shout) == line


def test_texts_about_the_account_are_in_german_too() -> None:
    german = translator("de")
    assert [text for text in ACCOUNT_TEXTS.values() if german(text) == text] == []
