"""When the carer is told: one clock, and what was red at each look."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.supervisor.alerts_rule import Due, Patience, Trouble, due, looked, told

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATIENCE = Patience(after=10 * MINUTE, repeat=timedelta(days=1))


class Story:
    """Looks each minute; ``mails`` are (minute, what)."""

    def __init__(self):
        self.troubles, self.minute, self.mails = {}, 0, []

    def red(self, *names, minutes=1):
        for _ in range(minutes):
            now = START + self.minute * MINUTE
            self.troubles = looked(self.troubles, names, now, PATIENCE)
            what = due(self.troubles, now, PATIENCE)
            if what is not Due.NOTHING:
                self.mails.append((self.minute, what))
                self.troubles = told(self.troubles, what, now)
            self.minute += 1
        return self

    def well(self, minutes=1):
        return self.red(minutes=minutes)


def test_what_ends_soon_is_not_told():
    assert Story().red("mail", minutes=9).well(60).mails == []


def test_what_lasts_is_told_once():
    assert Story().red("mail", minutes=60).mails == [(10, Due.ALERT)]


def test_it_is_told_again_each_day_and_once_more_when_well():
    day = 24 * 60
    story = Story().red("mail", minutes=2 * day).well(30)
    calm = int(PATIENCE.calm / MINUTE)
    assert story.mails == [(10, Due.ALERT), (10 + day, Due.ALERT), (2 * day + calm, Due.WELL)]
    assert story.troubles == {}


def test_what_comes_and_goes_is_one_trouble():
    story = Story()
    for _ in range(30):
        story.red("mail").well()
    assert story.mails == [(10, Due.ALERT)]


def test_what_was_well_for_long_enough_begins_anew():
    story = Story().red("mail", minutes=9).well(10).red("mail", minutes=9)
    assert story.mails == []


def test_something_else_is_told_though_the_first_is_not_over():
    story = Story().red("probe backup", minutes=60).red("probe backup", "mail", minutes=11)
    assert story.mails == [(10, Due.ALERT), (70, Due.ALERT)]


def test_well_again_is_told_when_all_that_was_told_is_over():
    story = Story().red("a", "b", minutes=20).red("b", minutes=20)
    assert story.mails == [(10, Due.ALERT)]
    story.well(10)
    assert story.mails[1:] == [(40 + int(PATIENCE.calm / MINUTE), Due.WELL)]


def test_nothing_is_well_again_that_was_never_told():
    assert Story().red("a", minutes=20).red("a", "b", minutes=5).red("a", minutes=10).mails == [(10, Due.ALERT)]


def test_the_alert_that_could_not_be_sent_stays_due():
    troubles = looked({}, ["mail"], START, PATIENCE)
    for minute in range(10, 30):
        troubles = looked(troubles, ["mail"], START + minute * MINUTE, PATIENCE)
        assert due(troubles, START + minute * MINUTE, PATIENCE) is Due.ALERT


def test_a_clock_put_back_delays_by_no_more_than_its_patience():
    ahead = START + timedelta(days=4000)
    troubles = looked({"mail": Trouble(ahead, None, ahead)}, ["mail", "web"], START, PATIENCE)
    assert due(troubles, START, PATIENCE) is Due.NOTHING
    assert due(troubles, START + timedelta(days=1), PATIENCE) is Due.ALERT
    assert troubles["mail"].since == START


@settings(max_examples=80)
@given(st.lists(st.sampled_from([(), ("a",), ("b",), ("a", "b")]), max_size=400))
def test_alerts_are_never_a_flood_and_well_follows_an_alert_only(looks):
    story = Story()
    for red in looks:
        story.red(*red)
    assert len(story.mails) <= 2 + len(looks) // 5
    before = Due.WELL
    for _, what in story.mails:
        assert (what, before) != (Due.WELL, Due.WELL)
        before = what


@pytest.mark.parametrize("what", Due)
def test_told_keeps_what_is_not_told(what):
    known = {"a": Trouble(START, well_since=START)}
    assert told(known, what, START) == known
