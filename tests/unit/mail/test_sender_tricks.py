"""The table of the handbook about names and senders is what is done."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.mail.head import Malformed, read_fields
from appliance.policy.account import Group, GroupKind

from .test_session import Around

HANDBOOK = Path(__file__).resolve().parents[3] / "docs" / "handbook.md"
FRED = "fred.mustermann"


def rows() -> list[tuple[list[str], str, list[str]]]:
    """Give each row: the lines of a head, the code, the line that is stored."""
    section = HANDBOOK.read_text(encoding="utf-8").partition("### Under whose name\n")[2].partition("\n#")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [
        (re.findall("`([^`]*)`", head), answer.split(",")[0].strip(), re.findall("`([^`]*)`", answer))
        for head, answer, _ in cells
    ]


ROWS = rows()


@pytest.fixture
def around(make_snapshot, new_account, now):
    snapshot = make_snapshot(new_account(FRED, display_name="Fred Mustermann", groups=("klasse3a",)))
    group = Group("klasse3a", GroupKind.CLASS, 1, "Klasse 3a")
    return Around(replace(snapshot, groups={"klasse3a": group}), now, Verdict(Answer.VERIFIED, FRED))


def test_the_table_is_there() -> None:
    assert len(ROWS) > 30
    assert {answer for _, answer, _ in ROWS} == {"250", "550 5.7.1", "550 5.6.0"}


@pytest.mark.parametrize(("lines", "answer", "stored"), ROWS, ids=[" ".join(lines)[:60] for lines, _, _ in ROWS])
def test_what_is_done(lines: list[str], answer: str, stored: list[str], around) -> None:
    session = around.signed_in(FRED)
    session.sender(f"{FRED}@schule.example", None)
    try:
        fields = read_fields("".join(f"{line}\r\n" for line in lines).encode())
    except Malformed as error:
        reply: bytes | str = session.malformed(error.wrong)
    else:
        reply = session.head(fields)
    if answer == "250":
        assert reply == "".join(f"{line}\r\n" for line in [*stored, ""]).encode()
    else:
        assert isinstance(reply, str) and reply.startswith(answer)
