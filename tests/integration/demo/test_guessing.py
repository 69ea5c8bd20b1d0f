"""Guessing passwords: it gets slower for who guesses, on every service, and for nobody else (issue 2, item 5)."""

import base64
import imaplib
import smtplib
import socket

import pytest

from tests.integration.demo.clients import PATIENCE, Clients
from tests.integration.demo.running import Account, RunningDemo

ELSEWHERE = "127.0.0.2"
"""Another machine, as far as the throttle can see: all of 127.0.0.0/8 is this one."""


class _ImapFromElsewhere(imaplib.IMAP4):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout, source_address=(ELSEWHERE, 0))


def _submit_from_elsewhere(demo: RunningDemo, clients: Clients, account: Account, password: str) -> tuple[int, str]:
    host, port = demo.service("submission")
    with smtplib.SMTP(host, port, timeout=PATIENCE, source_address=(ELSEWHERE, 0)) as client:
        client.starttls(context=clients.tls)
        try:
            return client.login(account.login, password)[0], ""
        except smtplib.SMTPAuthenticationError as refusal:
            return refusal.smtp_code, refusal.smtp_error.decode()


def test_a_pupil_cannot_lock_out_his_teacher(teacher: Account, demo: RunningDemo, clients: Clients) -> None:
    """After a few wrong passwords the guesser waits, with the right one too and on IMAP too; the teacher does not."""
    answers = [_submit_from_elsewhere(demo, clients, teacher, f"Wrong-guess-{number}") for number in range(8)]
    assert answers[0][0] == 535
    assert answers[-1][0] == 454, answers
    assert {code for code, _text in answers} == {535, 454}
    assert _submit_from_elsewhere(demo, clients, teacher, teacher.password)[0] == 454
    with _ImapFromElsewhere(*demo.service("imap"), timeout=PATIENCE) as client:
        client.starttls(clients.tls)
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            client.login(teacher.login, teacher.password)
    assert clients.opens(teacher)


def test_a_wrong_login_is_answered_as_a_wrong_password_is(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """Nobody learns from the answer which logins there are."""
    nobody = Account("nobody.atall", "Not-his-password-1", "pupil", ())
    assert clients.smtp_answer(nobody) == clients.smtp_answer(fred, "Not-his-password-1")
    assert clients.imap_answer(nobody) == clients.imap_answer(fred, "Not-his-password-1")


def test_a_login_may_be_written_as_people_write_it(fred: Account, clients: Clients) -> None:
    """K01: in capitals, or as the whole address; it is the same account."""
    for written in ("Fred.Mustermann", "fred.mustermann@schule.example", "FRED.MUSTERMANN@SCHULE.EXAMPLE"):
        as_written = Account(written, fred.password, fred.role, fred.groups)
        assert clients.smtp_answer(as_written)[0] == 235
        assert clients.imap_answer(as_written) == "OK"


@pytest.mark.parametrize(
    "login",
    ["*", "fred.mustermann)(uid=*", "uid=fred.mustermann", "../fred.mustermann", "x" * 300, "ä"],
    ids=["star", "filter", "name", "path", "long", "umlaut"],
)
def test_a_login_is_no_query_and_no_path(login: str, fred: Account, clients: Clients) -> None:
    """Nothing that is typed as a login reaches another account, with that account's password either."""
    initial = base64.b64encode(f"\0{login}\0{fred.password}".encode()).decode()
    with clients.smtp() as client:
        client.ehlo()
        assert client.docmd("AUTH", f"PLAIN {initial}")[0] in (535, 501)
    with clients.smtp(fred) as client:
        assert client.noop()[0] == 250
