"""What is set for a lesson: whom it is about, what it opens and closes, and that it ends by itself."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Role, Service
from appliance.policy.decision import Allow, Deny, Reason, Rule
from appliance.policy.lessons import Lesson, Measure, in_exam, lesson_for
from appliance.policy.owners import NOBODY
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide, explain

from .strategies import (
    BERLIN,
    FRED,
    NOW,
    account,
    berlin,
    checked,
    deciding,
    freds_requests,
    instants,
    lessons,
    rule,
    school,
)

HOUR = timedelta(hours=1)
UNTIL = berlin("2026-11-23 10:35")
IN_12, IN_13 = "10.1.12.3", "10.1.13.3"
SITE = "https://www.example.org/x"
BLOCK = Lesson(1, Measure.BLOCK, NOW - HOUR, UNTIL, room="12")
EXAM = Lesson(2, Measure.EXAM, NOW - HOUR, UNTIL, "klasse3a", targets=("example.org",))
OPEN = Lesson(3, Measure.ALLOW, NOW - HOUR, UNTIL, "klasse3a", targets=("example.org",))


def web(target=SITE, address=IN_12, login=FRED):
    return Request(login, Service.WEB, Action.FETCH, target, address)


def led(*measures, **fields):
    return school(lessons=measures, **fields)


def reason(snapshot, request, now=NOW):
    answer = decide(snapshot, request, now)
    return answer.reason if isinstance(answer, Deny) else None


# -- a room ----------------------------------------------------------------------------------------------------------


def test_a_blocked_room_has_no_web_until_it_ends_and_others_have():
    school_ = led(BLOCK)
    text = "the web is blocked in room 12 until 2026-11-23 10:35"
    assert decide(school_, web(), NOW) == Deny(Reason.LESSON, Rule("state lesson 1", text), UNTIL)
    assert reason(school_, web(address=IN_13)) is None
    assert reason(school_, Request(FRED, Service.WEB, Action.FETCH, SITE, room="12")) is Reason.LESSON
    assert reason(school_, web(), UNTIL - timedelta.resolution) is Reason.LESSON
    assert reason(school_, web(), UNTIL) is None
    assert decide(school_, web(), NOW - 2 * HOUR).valid_until == NOW - HOUR


@pytest.mark.parametrize("service", [Service.MAIL, Service.FILES, Service.PC])
def test_nothing_but_the_web_is_blocked_in_a_room(service):
    assert reason(led(BLOCK), Request(FRED, service, room="12")) is None


def test_who_only_signs_in_asks_for_no_site():
    assert reason(led(BLOCK, EXAM), Request(FRED, Service.WEB, address=IN_12)) is None


@pytest.mark.parametrize("role", [one for one in Role if one is not Role.PUPIL])
def test_measures_are_about_pupils(role):
    teacher = account(role=role)
    assert reason(led(BLOCK, replace(EXAM, targets=()), accounts=(teacher,)), web()) is None
    assert not in_exam(led(EXAM), teacher, NOW)


def test_the_server_itself_goes_on_probing():
    hidden = account(hidden=True)
    assert reason(led(BLOCK, replace(EXAM, targets=()), accounts=(hidden,)), web()) is None


def test_a_device_without_owner_in_a_blocked_room_has_no_web_either():
    assert reason(led(BLOCK), web(login=NOBODY)) is Reason.LESSON
    assert reason(led(EXAM), web("https://other.example/", login=NOBODY)) is None


# -- sites -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [OPEN, replace(OPEN, group=None, room="12")], ids=["group", "room"])
def test_what_is_opened_is_open_in_a_blocked_room_too(opened):
    text = "example.org open to klasse3a until 2026-11-23 10:35"
    answer = decide(led(BLOCK, opened), web(), NOW)
    assert isinstance(answer, Allow)
    assert answer.rule == Rule("state lesson 3", text if opened.group else text.replace("to klasse3a", "in room 12"))
    assert answer.valid_until == UNTIL
    assert reason(led(BLOCK, opened), web("https://other.example/")) is Reason.LESSON
    assert reason(led(BLOCK, opened), web("https://evil-example.org/")) is Reason.LESSON


def test_what_the_web_is_closed_to_altogether_no_lesson_opens():
    assert reason(led(OPEN, rules=(rule(allow=False),)), web()) is Reason.NOT_OPEN


# -- an exam ---------------------------------------------------------------------------------------------------------


def test_an_exam_leaves_its_sites_alone_whatever_else_is_open_or_blocked():
    also = replace(OPEN, targets=("other.example",))
    school_ = led(BLOCK, also, EXAM)
    assert decide(school_, web(), NOW).rule == EXAM.rule(BERLIN)
    text = "exam of klasse3a until 2026-11-23 10:35; of the web example.org is open"
    assert decide(school_, web("https://other.example/"), NOW) == Deny(Reason.EXAM, Rule("state lesson 2", text), UNTIL)
    assert reason(school_, web("https://other.example/"), UNTIL) is None


def test_of_two_exams_the_stricter_counts():
    wide, later = replace(EXAM, number=9, targets=("example.org", "other.example")), UNTIL + HOUR
    assert reason(led(wide, EXAM), web("https://other.example/")) is Reason.EXAM
    assert reason(led(EXAM, wide), web("https://other.example/")) is Reason.EXAM
    assert decide(led(wide, replace(EXAM, until=later)), web(), NOW).valid_until == UNTIL
    without = decide(led(replace(EXAM, targets=())), web(), NOW)
    assert without.rule.text == "exam of klasse3a until 2026-11-23 10:35; nothing of the web is open"


def test_an_exam_with_a_room_leaves_its_sites_there_alone():
    there = replace(EXAM, room="12")
    assert reason(led(there), web()) is None
    assert reason(led(there), web(address=IN_13)) is Reason.EXAM
    assert "of the web example.org in room 12 alone is open" in there.rule(BERLIN).text
    assert reason(led(there, accounts=(account(groups=()),)), web(address=IN_13)) is None


@pytest.mark.parametrize(
    ("service", "target", "closed"),
    [
        (Service.MAIL, "", True),
        (Service.PC, "", True),
        (Service.FILES, "", False),
        (Service.FILES, "/", False),
        (Service.FILES, "/Home/Groups/x", False),
        (Service.FILES, "/Groups/../Home/x", False),
        (Service.FILES, "/Groups", True),
        (Service.FILES, "//./Groups/klasse3a/x", True),
        (Service.FILES, "/Home/../Groups/klasse3a/x", True),
        (Service.FILES, "/../Staff/x", True),
    ],
)
def test_an_exam_closes_mail_log_on_and_the_folders_of_groups(service, target, closed):
    answer = decide(led(EXAM), Request(FRED, service, Action.READ, target), NOW)
    assert isinstance(answer, Deny) is closed
    assert answer.valid_until == (UNTIL if closed else None)
    if closed:
        assert answer == Deny(Reason.EXAM, Rule("state lesson 2", "exam of klasse3a until 2026-11-23 10:35"), UNTIL)
    assert reason(led(EXAM, accounts=(account(groups=()),)), Request(FRED, service, Action.READ, target)) is None


def test_an_exam_may_leave_log_on_open_for_pcs_that_were_locked_or_start_anew():
    assert reason(led(replace(EXAM, log_on=True)), Request(FRED, Service.PC)) is None
    assert reason(led(replace(EXAM, log_on=True)), Request(FRED, Service.MAIL)) is Reason.EXAM


def test_an_exam_says_so_even_where_a_rule_closes_mail():
    assert reason(led(EXAM, rules=(rule(allow=False),)), Request(FRED, Service.MAIL)) is Reason.EXAM


def test_who_writes_an_exam():
    assert in_exam(led(BLOCK, EXAM), account(), NOW)
    assert not in_exam(led(BLOCK, EXAM), account(), UNTIL)
    assert not in_exam(led(BLOCK, OPEN), account(), NOW)
    assert not in_exam(led(EXAM), account(groups=("klasse4b",)), NOW)


# -- any -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["since", "until"])
def test_an_instant_needs_a_zone(name):
    with pytest.raises(ValueError, match=name):
        replace(EXAM, **{name: datetime(2026, 11, 23, 9, 30)})


def test_explain_says_what_is_set():
    assert (
        "state lesson 1 decides: the web is blocked in room 12 until 2026-11-23 10:35"
        in explain(led(BLOCK), web(), NOW)[1]
    )
    assert "nothing that is set for lessons decides" in explain(led(BLOCK), web(address=IN_13), NOW)[1]


@checked
@given(lessons, instants)
def test_it_begins_and_ends_only_when_it_says(lesson, now):
    change = lesson.next_change(now)
    if change is None:
        assert not lesson.holds(now)
    else:
        assert change > now
        assert lesson.holds(change - timedelta.resolution) is lesson.holds(now)


@checked
@given(deciding, freds_requests, instants, st.integers(0, 9), st.booleans())
def test_one_more_exam_or_block_never_opens_anything(snapshot, request, now, place, exam):
    room, group = (None, "klasse3a") if exam else ("12", None)
    more = Lesson(77, Measure.EXAM if exam else Measure.BLOCK, now - HOUR, now + HOUR, group, room)
    others = snapshot.lessons
    place %= len(others) + 1
    after = decide(replace(snapshot, lessons=(*others[:place], more, *others[place:])), request, now)
    if isinstance(after, Allow):
        assert isinstance(decide(snapshot, request, now), Allow)


@checked
@given(deciding, freds_requests, instants)
def test_the_order_in_which_they_were_set_opens_and_closes_nothing(snapshot, request, now):
    turned = replace(snapshot, lessons=snapshot.lessons[::-1])
    assert isinstance(decide(turned, request, now), Allow) is isinstance(decide(snapshot, request, now), Allow)


@checked
@given(deciding, freds_requests, instants)
def test_nothing_set_says_nothing(snapshot, request, now):
    bare = replace(snapshot, lessons=())
    assert lesson_for(bare, bare.accounts[FRED], request, "12", "example.org", now) == (None, None)
