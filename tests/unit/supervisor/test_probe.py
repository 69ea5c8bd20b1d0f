"""How results of a probe are counted."""

from appliance.supervisor.probe import ProbeFailed, Result, WrongPassword


def after(*failures):
    result, now = Result(), 0.0
    for failed in failures:
        result = result.after(failed, now, now + 0.5)
        now += 5.0
    return result


DEAD = ProbeFailed("mail", "SMTP: no answer in time")


def test_a_probe_that_never_ran_is_not_well():
    assert not Result().ok
    assert Result().ended is None


def test_success_forgets_earlier_failures():
    result = after(DEAD, DEAD, None)
    assert result.ok
    assert result.failures == 0
    assert result.restart_due() is None
    assert (result.ended, result.took) == (10.5, 0.5)


def test_the_third_and_the_sixth_failure_in_a_row_ask_for_a_restart():
    due = [after(*[DEAD] * times).restart_due() for times in range(1, 8)]
    assert due == [None, None, "mail", None, None, "mail", None]


def test_failures_of_another_unit_count_apart():
    assert after(DEAD, DEAD, ProbeFailed("imap", "x")).restart_due() is None


def test_what_a_restart_does_not_help_asks_for_none():
    assert after(*[WrongPassword(None, "refused")] * 3).restart_due() is None
