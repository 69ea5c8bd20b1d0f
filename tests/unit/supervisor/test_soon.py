"""A probe is proved by its first success, and stays so: only what is coming up is probed more often."""

from appliance.supervisor.probe import ProbeFailed, Result


def test_the_first_success_proves_and_a_later_failure_does_not_take_it_back():
    failed = ProbeFailed("mail", "no answer")
    never = Result().after(failed, 1.0, 2.0)
    assert not never.proved
    once = never.after(None, 3.0, 4.0)
    assert once.proved
    assert once.after(failed, 5.0, 6.0).proved
