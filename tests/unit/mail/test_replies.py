"""Each reason has its code at each stage, and every reply can stand on the wire in every language."""

import re
import subprocess
from pathlib import Path

import pytest

from appliance.daemon.texts import translator
from appliance.mail import replies
from appliance.mail.commands import Fault
from appliance.mail.replies import Notice, Stage, ascii_only, notice, told, with_enhanced_code
from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle

CATALOGUE = Path(replies.__file__).parents[1] / "locale" / "de" / "LC_MESSAGES" / "schoolserver.po"
LINE = re.compile(r"[245]\d\d [245]\.\d{1,2}\.\d{1,3} [ -~]+\Z")


def plain(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("stage", "reason", "start"),
    [
        (Stage.SIGN_IN, Reason.DISABLED, "535 5.7.13 "),
        (Stage.SIGN_IN, Reason.LOCKED, "535 5.7.13 "),
        (Stage.SIGN_IN, Reason.MUST_CHANGE, "535 5.7.12 "),
        (Stage.SIGN_IN, Reason.CONSENT_MISSING, "535 5.7.1 "),
        (Stage.SIGN_IN, Reason.NOT_OPEN, "535 5.7.1 "),
        (Stage.MESSAGE, Reason.FOREIGN_SENDER, "550 5.7.1 "),
        (Stage.MESSAGE, Reason.TOO_LARGE, "552 5.3.4 "),
        (Stage.MESSAGE, Reason.MALFORMED, "550 5.6.0 "),
        (Stage.RECIPIENT, Reason.OUTSIDE_RECIPIENT, "550 5.7.1 "),
        (Stage.RECIPIENT, Reason.UNKNOWN_RECIPIENT, "550 5.1.1 "),
        (Stage.RECIPIENT, Reason.NOT_OPEN, "550 5.2.1 "),
        (Stage.RECIPIENT, Reason.OVER_QUOTA, "452 4.2.2 "),
        (Stage.RECIPIENT, Reason.TOO_LARGE, "552 5.2.2 "),
        (Stage.RECIPIENT, Reason.NO_ADDRESS, "550 5.1.3 "),
        (Stage.RECIPIENT, Reason.CLOSED_GROUP, "550 5.7.1 "),
        (Stage.RECIPIENT, Reason.TOO_MANY, "550 5.5.3 "),
        (Stage.RECIPIENT, Reason.HOUR_FULL, "452 4.5.3 "),
        (Stage.RECIPIENT, Reason.HOUR_SPENT, "452 4.5.3 "),
        (Stage.RECIPIENT, Reason.TOO_MUCH, "552 5.3.4 "),
        (Stage.MESSAGE, Reason.LOOP, "554 5.4.6 "),
        (Stage.MESSAGE, Reason.HARMFUL, "550 5.7.1 "),
        (Stage.OPEN_SESSION, Reason.LOCKED, "421 4.7.0 "),
    ],
)
def test_the_codes(stage: Stage, reason: Reason, start: str) -> None:
    line = told(stage, Obstacle(reason, "7KQF-2MXA"), plain)
    assert line.startswith(start)
    assert line.endswith(" (code 7KQF-2MXA)")


def test_a_full_hour_says_when_there_is_room() -> None:
    for seconds, minutes in ((0.0, 1), (60.0, 1), (61.0, 2), (3599.0, 60)):
        for reason in (Reason.HOUR_FULL, Reason.HOUR_SPENT):
            line = told(Stage.RECIPIENT, Obstacle(reason, "7KQF-2MXA", seconds), plain)
            assert f" in {minutes} min. " in line


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locale")
    target = folder / "de" / "LC_MESSAGES"
    target.mkdir(parents=True)
    argv = ["msgfmt", "--check", "-o", str(target / "schoolserver.mo"), str(CATALOGUE)]
    subprocess.run(argv, check=True, capture_output=True)
    return translator("de", folder)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reason", [*Reason, *Hitch])
def test_every_refusal_is_a_line_in_german_too(stage: Stage, reason: Reason | Hitch, german) -> None:
    english, translated = told(stage, Obstacle(reason), plain), told(stage, Obstacle(reason), german)
    assert LINE.match(english) and LINE.match(translated)
    assert english.split(" ")[:2] == translated.split(" ")[:2]
    assert english != translated, "not translated"
    assert len(translated) < 500


@pytest.mark.parametrize("which", Notice)
def test_every_notice_is_a_line_in_german_too(which: Notice, german) -> None:
    english, translated = notice(which, plain, id="7f3a"), notice(which, german, id="7f3a")
    assert LINE.match(english) and LINE.match(translated)
    assert english.split(" ")[:2] == translated.split(" ")[:2]
    assert english != translated, "not translated"


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_of_a_command_is_told(fault: Fault) -> None:
    assert LINE.match(Notice[fault.name])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("250 OK", "250 2.0.0 OK"),
        ("503 Error: nested MAIL command", "503 5.5.1 Error: nested MAIL command"),
        ("530 5.7.0 Authentication required", "530 5.7.0 Authentication required"),
        ("354 End data", "354 End data"),
        ("334 VXNlcm5hbWU6", "334 VXNlcm5hbWU6"),
        ("220 schule.example ESMTP", "220 schule.example ESMTP"),
        ("250-SIZE 5", "250-SIZE 5"),
    ],
)
def test_enhanced_codes_are_added_where_they_belong(line: str, expected: str) -> None:
    assert with_enhanced_code(line) == expected


def test_german_letters_become_two() -> None:
    assert ascii_only("Größe für Ärger: é\r\n250 OK") == "Groesse fuer Aerger: e250 OK"
