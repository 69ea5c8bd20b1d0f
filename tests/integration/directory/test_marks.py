"""A mark of an account tells whether anything about it has changed since: slapd and the Samba domain."""

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked

ONE, OTHER = Secret("Kamel-Zaun-7"), Secret("Zebu-Fahrt-41")


def test_it_stays_while_passwords_are_tried_and_goes_with_each_that_is_written(shared):
    login = shared.account("mark.eins")
    shared.auth.set_password(login, ONE, must_change=False)
    shared.auth.check(login, ONE)  # a domain controller notes the first log-on
    marks = [shared.auth.mark(login)]
    for password, found in ((ONE, Checked.GOOD), (OTHER, Checked.WRONG), (ONE, Checked.GOOD)):
        assert shared.auth.check(login, password) is found
        assert shared.auth.mark(login) == marks[0]
    for password in (OTHER, OTHER, ONE):  # within one second, and the first one again
        shared.auth.set_password(login, password, must_change=False)
        marks.append(shared.auth.mark(login))
    shared.auth.set_password(login, ONE, must_change=True)
    marks.append(shared.auth.mark(login))
    assert None not in marks
    assert len(set(marks)) == 5


def test_it_goes_when_the_account_is_disabled_or_made_anew(shared):
    login = shared.account("mark.zwei")
    shared.auth.set_password(login, ONE, must_change=False)
    marks = [shared.auth.mark(login)]
    shared.supervisor.set_disabled(login, True)
    marks.append(shared.auth.mark(login))
    shared.supervisor.remove_account(login)
    assert shared.auth.mark(login) is None
    shared.account(login)
    shared.auth.set_password(login, ONE, must_change=False)
    marks.append(shared.auth.mark(login))
    assert None not in marks
    assert len(set(marks)) == 3


def test_who_is_nobody_has_none(shared):
    assert shared.auth.mark("no.body") is None
