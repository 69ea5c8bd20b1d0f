"""Reading mail by a ticket: Dovecot opens it, the password service says whose it may be."""

from __future__ import annotations

import imaplib
from datetime import timedelta

import pytest

from appliance.policy.account import Lock
from tests.integration.demo.waiting import eventually
from tests.integration.kerberos.clients import Speaker, connect_imap, curl, show_imap
from tests.integration.kerberos.school import FRED, LONG, SERVER, now, person_as

OWN = f"{FRED}@schule.example"
SHORT = "maximilian.must-e4c5"


def refused(school, cache, identity=""):
    """What is told to who is not let in; empty for who is."""
    try:
        show_imap(school, Speaker(cache, "imap", identity)).logout()
    except imaplib.IMAP4.error as error:
        return str(error)
    return ""


@pytest.mark.parametrize("identity", ["", FRED, OWN, f"{FRED}@SCHULE.EXAMPLE", FRED.title()])
def test_who_has_a_ticket_reads_his_mail(school, identity):
    client = show_imap(school, Speaker(school.log_on(), "imap", identity))
    assert client.select("INBOX")[0] == "OK"
    client.logout()
    assert (school.data / "mail" / FRED).is_dir()
    eventually(lambda: school.used(kind="sign-in", service="mail", login=FRED, way="ticket"))


def test_curl_reads_mail(school):
    url = f"imap://{SERVER}:{school.address('imap')[1]}/INBOX"
    done = curl(school, school.log_on(), "--ssl-reqd", "--login-options", "AUTH=GSSAPI", "--user", f"{OWN}:", url)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "identity"), [(LONG, ""), (SHORT, ""), (LONG, LONG), (SHORT, LONG)])
def test_both_names_of_a_long_login_lead_to_its_mailbox(school, name, identity):
    client = show_imap(school, Speaker(school.log_on(name), "imap", identity))
    assert client.select("INBOX")[0] == "OK"
    client.logout()
    assert (school.data / "mail" / LONG).is_dir()
    assert not (school.data / "mail" / SHORT).exists()


@pytest.mark.parametrize("identity", [LONG, SHORT, "schoolserver-probe", ""])
def test_nobody_reads_the_mail_of_somebody_else(school, identity):
    cache = school.log_on() if identity else school.log_on("Administrator", password=school.domain.administrator)
    assert "AUTHENTICATIONFAILED" in refused(school, cache, identity)


def test_without_tls_there_are_no_tickets(school):
    client = imaplib.IMAP4(*school.address("imap"), timeout=20)
    with pytest.raises(imaplib.IMAP4.error, match=r"PRIVACYREQUIRED|disabled|not supported|failed"):
        client.authenticate("GSSAPI", Speaker(school.log_on(), "imap"))
    client.shutdown()


def test_a_token_counts_once(school):
    token = Speaker(school.log_on(), "imap")(b"")
    first, second = connect_imap(school), connect_imap(school)
    seen = []

    def answer(challenge):
        seen.append(challenge)
        return token if len(seen) == 1 else None

    with pytest.raises(imaplib.IMAP4.error):  # nobody but the true client can go on
        first.authenticate("GSSAPI", answer)
    assert len(seen) == 2
    seen.clear()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        second.authenticate("GSSAPI", answer)
    assert len(seen) == 1
    for client in (first, second):
        client.shutdown()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"disabled": True}, "code "),
        ({"locks": (Lock(None, now(), None),)}, "code "),
        ({"consents": frozenset()}, "code "),
        ({"must_change": True}, "EXPIRED"),
        ({"password_changed_at": now() - timedelta(hours=9)}, "password was changed"),
    ],
)
def test_the_policy_is_asked(school, changes, told):
    cache = school.log_on()
    assert not refused(school, cache)
    school.publish(**person_as(FRED, **changes))
    eventually(lambda: told in refused(school, cache))


def test_a_password_of_yesterday_is_old_enough(school):
    cache = school.log_on()
    school.publish(**person_as(FRED, password_changed_at=now() - timedelta(hours=10, seconds=1)))
    eventually(lambda: not refused(school, cache))


def test_nothing_of_it_is_in_the_journal(school):
    cache = school.log_on()
    assert not refused(school, cache)
    assert "AUTHENTICATIONFAILED" in refused(school, cache, LONG)
    said = school.logs()["imap"]
    assert "fred" not in said and "127.0.0.1" not in said and "SCHULE" not in said
