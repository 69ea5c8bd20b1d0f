"""Handing in mail by a ticket: AUTH GSSAPI at our own submission service."""

from __future__ import annotations

import base64
import contextlib
import smtplib
from datetime import timedelta

import pytest

from appliance.policy.account import Lock, Service
from tests.integration.demo.waiting import eventually
from tests.integration.kerberos.clients import Speaker, connect_smtp, curl, show_smtp
from tests.integration.kerberos.school import FRED, LONG, SERVER, now, person_as

OWN = f"{FRED}@schule.example"
LETTER = f"From: {OWN}\r\nTo: {OWN}\r\nSubject: ticket\r\n\r\nHallo\r\n"


def shown(school, cache, **more):
    with connect_smtp(school) as client:
        return show_smtp(client, Speaker(cache, "smtp", **more))


@pytest.mark.parametrize("at_once", [False, True])
def test_who_has_a_ticket_hands_in_mail(school, at_once):
    with connect_smtp(school) as client:
        assert client.esmtp_features["auth"].split()[-3:] == ["GSSAPI", "LOGIN", "PLAIN"]
        assert show_smtp(client, Speaker(school.log_on(), "smtp"), at_once) == (235, b"2.7.0 You are signed in.")
        client.sendmail(OWN, [OWN], LETTER)
    eventually(lambda: school.used(kind="sign-in", service="mail", login=FRED, way="ticket", outcome="verified"))


def test_curl_hands_in_mail(school, tmp_path):
    letter = tmp_path / "letter"
    letter.write_text(LETTER)
    url = f"smtp://{SERVER}:{school.address('submission')[1]}/pc12"
    arguments = ("--ssl-reqd", "--login-options", "AUTH=GSSAPI", "--user", f"{OWN}:", "--upload-file", str(letter))
    done = curl(school, school.log_on(), *arguments, "--mail-from", OWN, "--mail-rcpt", OWN, url)
    assert (done.returncode, done.stderr) == (0, "")


def test_both_names_of_a_long_login_lead_to_its_account(school):
    short = "maximilian.must-e4c5"
    for name in (LONG, short):
        assert shown(school, school.log_on(name))[0] == 235
    assert shown(school, school.log_on(short), identity=LONG)[0] == 235


@pytest.mark.parametrize("identity", [FRED, OWN, FRED.upper()])
def test_one_may_say_who_one_is(school, identity):
    assert shown(school, school.log_on(), identity=identity)[0] == 235


@pytest.mark.parametrize("identity", [LONG, f"{FRED}@anderswo.example", "schoolserver-probe", "\N{SNOWMAN}"])
def test_nobody_acts_as_somebody_else(school, identity):
    assert shown(school, school.log_on(), identity=identity) == (535, b"5.7.8 You can sign in as yourself only.")


def test_a_token_counts_once(school):
    token = base64.b64encode(Speaker(school.log_on(), "smtp")(b"")).decode()
    for code in (334, 535):
        with contextlib.closing(connect_smtp(school)) as client:
            assert client.docmd("AUTH", "GSSAPI")[0] == 334
            assert client.docmd(token)[0] == code


def test_a_ticket_for_another_service_opens_nothing(school):
    with connect_smtp(school) as client:
        speaker = Speaker(school.log_on(), "imap")
        assert show_smtp(client, speaker)[0] == 535
        assert show_smtp(client, Speaker(school.log_on(), "smtp"))[0] == 235  # on the same connection


def test_without_tls_there_are_no_tickets(school):
    with smtplib.SMTP(*school.address("submission"), timeout=20) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert client.docmd("AUTH", "GSSAPI")[0] in (530, 538)


@pytest.mark.parametrize(
    "first",
    ["", "=", "AAAA", "YIIG", "*", "%%%", "A" * 12_000, "A" * 21_800, "A" * 23_000],
    ids=lambda first: f"{first[:4]}-{len(first)}",
)
def test_what_is_no_token_is_refused(school, first):
    with connect_smtp(school) as client:
        code, told = client.docmd("AUTH", "GSSAPI")
        assert (code, told) == (334, b"")
        assert client.docmd(first)[0] == {"*": 501, "%%%": 501}.get(first, 421 if len(first) > 22_000 else 535)
        if len(first) < 22_000:
            assert show_smtp(client, Speaker(school.log_on(), "smtp"))[0] == 235


def test_a_layer_that_was_not_offered_is_refused(school):
    speaker = Speaker(school.log_on(), "smtp")
    with connect_smtp(school) as client:
        code, told = client.docmd("AUTH", f"GSSAPI {base64.b64encode(speaker(b'')).decode()}")
        assert code == 334
        assert speaker(base64.b64decode(told)) == b""
        code, _offer = client.docmd("=")
        wanted = speaker.context.wrap(b"\x04\0\x10\0", False).message
        assert client.docmd(base64.b64encode(wanted).decode())[0] == 535


def test_a_signed_token_by_somebody_else_is_refused(school):
    """Whoever stands in between and has no key cannot end what a true client began."""
    speaker, other = Speaker(school.log_on(), "smtp"), Speaker(school.log_on(), "smtp")
    with contextlib.closing(connect_smtp(school)) as client, contextlib.closing(connect_smtp(school)) as second:
        for one, conversation in ((speaker, client), (other, second)):
            told = conversation.docmd("AUTH", f"GSSAPI {base64.b64encode(one(b'')).decode()}")[1]
            one(base64.b64decode(told))
        offer = base64.b64decode(client.docmd("=")[1])
        second.docmd("=")
        assert second.docmd(base64.b64encode(speaker(offer)).decode())[0] == 535


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"disabled": True}, b"5.7.13"),
        ({"locks": (Lock(None, now(), None),)}, b"5.7.13"),
        ({"locks": (Lock(Service.MAIL, now(), None),)}, b"5.7.13"),
        ({"must_change": True}, b"5.7.12"),
        ({"consents": frozenset()}, b"5.7.1"),
    ],
)
def test_the_policy_is_asked(school, changes, code):
    cache = school.log_on()
    school.publish(**person_as(FRED, **changes))
    eventually(lambda: shown(school, cache)[1].startswith(code + b" "))
    told = shown(school, cache)
    assert told[0] == 535
    assert told[1].rpartition(b"(code ")[2].rstrip(b")")


def test_a_lock_ends_what_a_ticket_opened(school):
    with connect_smtp(school) as client:
        assert show_smtp(client, Speaker(school.log_on(), "smtp"))[0] == 235
        school.publish(**person_as(FRED, locks=(Lock(None, now(), None),)))
        client.sock.settimeout(5)
        assert client.getreply()[0] == 421


def test_a_ticket_from_before_the_change_of_the_password_opens_nothing(school):
    cache = school.log_on()
    with connect_smtp(school) as client:
        assert show_smtp(client, Speaker(cache, "smtp"))[0] == 235
        school.publish(**person_as(FRED, password_changed_at=now() + timedelta(seconds=1)))
        client.sock.settimeout(5)
        assert client.getreply()[0] == 421
    told = shown(school, cache)
    assert told == (535, b"5.7.8 The password is newer than this ticket. Please log on to the PC again.")
    school.publish(**person_as(FRED, password_changed_at=now() - timedelta(minutes=1)))
    eventually(lambda: shown(school, cache)[0] == 235)


def test_machines_and_services_are_nobody(school):
    for name in ("Administrator", "schoolserver-auth"):
        password = school.domain.administrator if name == "Administrator" else _password(school, "auth")
        told = shown(school, school.log_on(name, password=password))
        assert told[0] == 535


def test_a_pc_that_is_called_like_somebody_is_nobody(school):
    """AD answers to ``frieda`` for the machine ``frieda$``, as long as there is no such person."""
    name = "frieda"
    school.run_inside(["samba-tool", "computer", "create", name, *_local(school)])
    school.run_inside(
        ["samba-tool", "user", "setpassword", f"{name}$", "--newpassword=Karton-Schachtel8", *_local(school)]
    )
    cache = school.log_on(name, password="Karton-Schachtel8")
    school.publish(**person_as(FRED))
    assert shown(school, cache)[0] == 535


def _password(school, part):
    return (school.domain.settings.server.state / part / "directory.password").read_text()


def _local(school):
    return ("-s", str(school.domain.place.config), "-H", str(school.domain.place.private / "sam.ldb"))
