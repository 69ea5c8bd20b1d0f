"""Each refusal of the policy says what would have to change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.account import Account, Group, GroupKind, Role, Service
from appliance.policy.decision import Deny, Reason, Rule
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.request import Action, Request
from appliance.policy.snapshot import Snapshot, Version
from appliance.supervisor.explain_changes import changes

FRED, ANNA = "fred.mustermann", "anna.lehmann"
REQUEST = Request(FRED, Service.WEB)
SITE = Request(FRED, Service.WEB, Action.FETCH, "https://Spiele.example/x")
BEGUN = datetime(2026, 11, 23, 8, tzinfo=UTC)
UNTIL = BEGUN + timedelta(hours=1)
SNAPSHOT = Snapshot(
    Version(1, 1),
    "supervisor",
    "schule.example",
    ZoneInfo("Europe/Berlin"),
    {
        FRED: Account(FRED, 1, Role.PUPIL, groups=("agchor", "klasse3a")),
        ANNA: Account(ANNA, 2, Role.TEACHER, groups=("klasse3a",)),
    },
    {"agchor": Group("agchor", GroupKind.CLUB, 3), "klasse3a": Group("klasse3a", GroupKind.CLASS, 4)},
    lessons=(
        Lesson(1, Measure.BLOCK, BEGUN, UNTIL, room="12"),
        Lesson(2, Measure.EXAM, BEGUN, UNTIL, group="klasse3a"),
        Lesson(3, Measure.EXAM, BEGUN, UNTIL, group="klasse3a", room="12", targets=("example.org",)),
    ),
)
OF_POLICY = [
    Reason.UNKNOWN_ACCOUNT,
    Reason.DISABLED,
    Reason.LOCKED,
    Reason.MUST_CHANGE,
    Reason.OWNER_CHANGED,
    Reason.CONSENT_MISSING,
    Reason.NOT_OPEN,
    Reason.CLOSED_CATEGORY,
    Reason.CLOSED_SITE,
    Reason.TOO_LARGE,
]


def told(reason, source, request=REQUEST):
    return changes(Deny(reason, Rule(source, "text")), request, SNAPSHOT)


@pytest.mark.parametrize("source", ["web.yaml:4 rules[0]", "access.yaml:4 rules[0]", "default", "state lock"])
@pytest.mark.parametrize("reason", [reason for reason in OF_POLICY if reason is not Reason.CLOSED_SITE])
def test_each_refusal_of_the_policy(reason, source):
    found = told(reason, source)
    assert found
    assert not any("{" in one for one in found)


def test_the_line_to_change_is_named():
    (line, _before) = told(Reason.NOT_OPEN, "web.yaml:4 rules[0]")
    assert line.startswith("web.yaml:4 rules[0] would have to")
    (line, _before) = told(Reason.CLOSED_SITE, "web.yaml:4 rules[0]")
    assert line.startswith("web.yaml:4 rules[0] would have to")
    (line,) = told(Reason.NOT_OPEN, "access.yaml:4 rules[0]")
    assert line.startswith("access.yaml:4 rules[0] would have to")
    assert told(Reason.LOCKED, "state lock") == (
        "the lock would have to end: schoolserver users unlock fred.mustermann",
    )


@pytest.mark.parametrize("reason", [Reason.INSIDE, Reason.LOOP, Reason.MALFORMED])
def test_where_nothing_can_be_said_nothing_is(reason):
    assert told(reason, "built-in") == ()


@pytest.mark.parametrize("reason", [Reason.CLOSED_CATEGORY, Reason.CLOSED_SITE, Reason.NOT_OPEN])
def test_a_site_can_be_opened_to_a_pupils_class_for_a_lesson(reason):
    command = "schoolserver web allow klasse3a spiele.example --until TIME"
    assert told(reason, "web.yaml:4 rules[0]", SITE)[-1].endswith(command)
    for other in (
        Request(ANNA, Service.WEB, Action.FETCH, "spiele.example"),
        Request("", Service.WEB, Action.FETCH, "spiele.example"),
        Request(FRED, Service.WEB, Action.FETCH, "93.184.215.14"),
    ):
        assert not any("web allow" in one for one in told(reason, "web.yaml:4 rules[0]", other))


def test_a_blocked_room_says_how_it_ends_and_who_may():
    end, site = told(Reason.LESSON, "state lesson 1", SITE)
    assert "schoolserver web end --number 1 (by a carer, or with --as by a teacher who may do so in room 12" in end
    assert site.endswith("schoolserver web allow 12 SITE --until TIME")


@pytest.mark.parametrize(
    ("number", "who"), [(2, "a teacher of klasse3a or"), (3, "of klasse3a who may do so in room 12")]
)
def test_an_exam_says_how_it_ends_and_who_may(number, who):
    end, again = told(Reason.EXAM, f"state lesson {number}", SITE)
    assert f"schoolserver web end --number {number} " in end and who in end
    assert "schoolserver web exam klasse3a --allow SITE " in again and again.endswith("--until TIME")
    (_end, again) = told(Reason.EXAM, f"state lesson {number}", Request(FRED, Service.PC))
    assert again.endswith("schoolserver web exam klasse3a --log-on --until TIME")
    assert len(told(Reason.EXAM, f"state lesson {number}", Request(FRED, Service.MAIL))) == 1


def test_what_has_just_ended_is_not_ended_again():
    assert told(Reason.LESSON, "state lesson 9") == ()
