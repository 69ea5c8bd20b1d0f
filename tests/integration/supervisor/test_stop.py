"""The supervisor ends in time, whoever gives it no answer any more because he ends, too."""

from tests.integration.support_school import ACCOUNTS


def test_a_probe_that_waits_for_an_auth_that_ends_does_not_hold_up_the_end(make_school):
    """Right after the first import the hidden account gets its password, often just when all are told to end."""
    school = make_school(*ACCOUNTS)
    school.start()
    school.take_in()
    school.stop()
    assert "are killed" not in school.logs()["supervisor"]
