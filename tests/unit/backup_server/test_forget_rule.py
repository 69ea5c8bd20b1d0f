"""Whom the backup server forgets, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server import forget_rule as rule
from appliance.backup_server.forget_rule import RIPENING, Refused, Request

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FRED = Request("fred.mustermann", 20001, NOW)


def crowd(count, asked=NOW):
    return tuple(Request(f"pupil{number}", 20000 + number, asked) for number in range(count))


def test_a_request_ripens_for_two_weeks():
    requests = rule.ask((), FRED)
    assert rule.due(requests, 60, NOW + RIPENING - timedelta(seconds=1)) == ()
    assert rule.due(requests, 60, NOW + RIPENING) == (FRED,)


def test_asking_again_changes_nothing():
    requests = rule.ask((), FRED)
    again = replace(FRED, asked=NOW + 5 * DAY)
    assert rule.ask(requests, again) == requests
    (same,) = rule.ask(requests, replace(again, consent=True))
    assert (same.asked, same.consent, same.id) == (NOW, True, FRED.id)


def test_the_same_login_with_another_number_is_somebody_else():
    other = replace(FRED, uid=20002)
    requests = rule.ask(rule.ask((), FRED), other)
    assert len({one.id for one in requests}) == 2
    assert rule.take_back(requests, FRED.login, other.uid) == (FRED,)


def test_a_request_is_taken_back_while_it_ripens():
    requests = rule.ask((), FRED)
    assert rule.take_back(requests, FRED.login, FRED.uid) == ()
    for gone in ((), (replace(FRED, done=NOW),), (replace(FRED, begun=True),)):
        with pytest.raises(Refused):
            rule.take_back(gone, FRED.login, FRED.uid)


def test_what_was_confirmed_over_there_waits_for_nothing():
    requests = rule.confirm(crowd(50), crowd(50)[7].id, NOW)
    assert [one.login for one in rule.due(requests, 1, NOW)] == ["pupil7"]
    with pytest.raises(Refused):
        rule.confirm(requests, "0" * 12, NOW)


def test_what_was_refused_over_there_is_gone():
    requests = crowd(3)
    assert rule.refuse(requests, requests[1].id) == (requests[0], requests[2])


def test_a_withdrawn_consent_alone_skips_no_wait():
    assert rule.due((replace(FRED, consent=True),), 60, NOW + DAY) == ()


def test_a_thousand_requests_remove_a_tenth_in_a_month():
    requests, now = crowd(1_000), NOW + RIPENING
    chosen = rule.due(requests, 600, now)
    assert len(chosen) == 60
    assert rule.withheld(requests, 600, now) == 940
    gone = tuple(replace(one, begun=True, done=now, found=2) if one in chosen else one for one in requests)
    assert rule.due(gone, 600, now + 29 * DAY) == ()
    assert len(rule.due(gone, 600, now + 31 * DAY)) == 60


def test_in_a_small_school_one_may_go():
    assert len(rule.due(crowd(9), 9, NOW + RIPENING)) == 1
    assert len(rule.due(crowd(9), 0, NOW + RIPENING)) == 1


def test_who_is_in_no_snapshot_takes_nobodys_place():
    strangers = tuple(replace(one, done=NOW, found=0) for one in crowd(500))
    assert rule.due((*strangers, FRED), 10, NOW + RIPENING) == (FRED,)


def test_what_was_begun_is_done_first_and_counts():
    begun = replace(FRED, begun=True, found=1)
    requests = (begun, *crowd(30))
    assert rule.due(requests, 20, NOW + RIPENING)[0] == begun
    assert len(rule.due(requests, 20, NOW + RIPENING)) == 2


def test_more_than_the_most_are_not_taken():
    with pytest.raises(Refused):
        rule.ask(crowd(5_000), FRED)


def test_what_was_done_is_remembered_for_a_month():
    done = replace(FRED, done=NOW)
    assert rule.remembered((done,), NOW + 29 * DAY) == (done,)
    assert rule.remembered((done,), NOW + 31 * DAY) == ()


def test_a_request_of_a_clock_that_was_wrong_ripens_from_now_on():
    (one,) = rule.remembered((replace(FRED, asked=NOW + 900 * DAY),), NOW)
    assert one.asked == NOW


@given(
    accounts=st.integers(0, 300),
    steps=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 200)), max_size=12),
)
def test_never_more_than_a_tenth_goes_in_any_month_however_much_is_asked(accounts, steps):
    requests, now, number = (), NOW, 0
    for days, asked in steps:
        now += days * DAY
        for _ in range(asked):
            number += 1
            requests = rule.ask(requests, Request(f"p{number}", number, now))
        chosen = rule.due(requests, accounts, now)
        requests = tuple(replace(one, begun=True, done=now, found=1) if one in chosen else one for one in requests)
        lately = [one for one in requests if one.done is not None and now - one.done < 30 * DAY]
        assert len(lately) <= max(1, accounts // 10)
        assert all(one.done - one.asked >= RIPENING for one in requests if one.done is not None)
