"""What a ticket is taken for, and which are not: with tickets made by hand, as no honest KDC gives them."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from appliance.directory.domain.keytab_file import Key, keytab
from appliance.session.kerberos import KEYTAB, LONGEST, Acceptor, NoTicket
from tests.integration.kerberos.forging import Forged

KEY, FORMER = secrets.token_bytes(32), secrets.token_bytes(32)
NAMES = ("imap/server.schule.example", "imap/mail.schule.example")
HOURS, MINUTES = (lambda number: timedelta(hours=number)), (lambda number: timedelta(minutes=number))


@pytest.fixture
def folder(tmp_path) -> Iterator:
    """A service's folder with the keys of two passwords; how the machine is set up does not matter."""
    before = os.environ.get("KRB5_CONFIG")
    (tmp_path / KEYTAB).write_bytes(keytab("SCHULE.EXAMPLE", NAMES, [Key(18, 2, KEY), Key(18, 1, FORMER)]))
    yield tmp_path
    os.environ.pop("KRB5_CONFIG", None)
    if before is not None:
        os.environ["KRB5_CONFIG"] = before


def shown(folder, forged, key=KEY, version=2, long_names=True):
    exchange = Acceptor(folder, long_names).begin()
    assert exchange.step(forged.token(key, version)), "the client is answered, for it wants to know us too"
    return exchange.ticket


def test_a_ticket_says_whose_it_is_and_since_when(folder):
    forged = Forged(logged_on=-HOURS(3), starts=-HOURS(1), ends=HOURS(2))
    ticket = shown(folder, forged)
    assert ticket.login == "fred.mustermann"
    assert ticket.issued == forged.now - HOURS(3)
    assert abs(ticket.until - (forged.now + HOURS(2) + MINUTES(5))) < timedelta(seconds=5)


@pytest.mark.parametrize(("key", "version"), [(KEY, 2), (FORMER, 1)])
@pytest.mark.parametrize("service", NAMES)
def test_tickets_by_the_former_key_run_on(folder, key, version, service):
    assert shown(folder, Forged(service=service), key, version)


@pytest.mark.parametrize("name", ["maximilian.must-e4c5", "maximilian.mustermann-schmidt", "MAXIMILIAN"])
def test_the_login_is_the_long_name(folder, name):
    long = Forged(name=name, principal_name="Maximilian.Mustermann-Schmidt@schule.example", account_name="x")
    assert shown(folder, long).login == "maximilian.mustermann-schmidt"


@pytest.mark.parametrize(("account", "login"), [("Mueller", "mueller"), (None, "fred.mustermann")])
def test_in_somebody_elses_directory_it_is_the_short_one(folder, account, login):
    forged = Forged(principal_name="rektorin@gymnasium.example", account_name=account)
    assert shown(folder, forged, long_names=False).login == login


REFUSED = {
    "another realm": (Forged(realm="ANDERSWO.EXAMPLE", principal_name="fred.mustermann@anderswo.example"), "realm"),
    "another realm, our name": (Forged(realm="ANDERSWO.EXAMPLE"), "realm"),
    "a machine": (Forged(name="pc12$", principal_name="pc12$@schule.example", made_up=True), "no person"),
    "a machine, called as if a person": (
        Forged(principal_name="fred.mustermann@schule.example", made_up=True),
        "no pe",
    ),
    "a service": (Forged(name="imap/server.schule.example", principal_name="", account_name="imap"), "no person"),
    "no PAC": (Forged(pac=False), "no person"),
    "a PAC that nobody has signed": (Forged(signed=False), ""),
    "a name of another domain": (Forged(principal_name="fred.mustermann@anderswo.example"), "no person"),
    "no name": (Forged(principal_name="@schule.example"), "no person"),
    "an odd name": (Forged(principal_name="../fred@schule.example"), "no person"),
    "it has ended": (Forged(starts=-HOURS(2), ends=-MINUTES(6)), "expired"),
    "it has not begun": (Forged(starts=MINUTES(6)), "not valid yet"),
    "a clock that is fast": (Forged(clock=MINUTES(6)), "clocks"),
    "a clock that is slow": (Forged(clock=-MINUTES(6)), "clocks"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_not_taken(folder, why):
    forged, told = REFUSED[why]
    with pytest.raises(NoTicket, match=told) as caught:
        shown(folder, forged.anew())
    assert not any(word in str(caught.value).lower() for word in ("fred", "schule", "pc12", "anderswo"))


@pytest.mark.parametrize("forged", [Forged(clock=MINUTES(4)), Forged(clock=-MINUTES(4)), Forged(ends=-MINUTES(4))])
def test_clocks_may_differ_by_minutes(folder, forged):
    assert shown(folder, forged.anew())


@pytest.mark.parametrize("made_up", [False, True])
def test_in_somebody_elses_directory_a_machine_is_nobody(folder, made_up):
    machine = Forged(name="fred.mustermann", principal_name="", made_up=made_up, account_name="fred.mustermann$")
    with pytest.raises(NoTicket, match="no person"):
        shown(folder, machine, long_names=False)


def test_another_key_opens_nothing(folder):
    with pytest.raises(NoTicket, match="another key"):
        shown(folder, Forged(), secrets.token_bytes(32))


def test_a_token_counts_once_in_all_workers(folder):
    token = Forged().token(KEY, 2)
    assert Acceptor(folder, True).begin().step(token)
    with pytest.raises(NoTicket, match="used already"):
        Acceptor(folder, True).begin().step(token)
    assert (folder / "krb5.replays").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("token", [b"", b"\0", b"\x60\x82", bytes(LONGEST), bytes(LONGEST + 1), os.urandom(2000)])
def test_bytes_are_no_ticket(folder, token):
    with pytest.raises(NoTicket):
        Acceptor(folder, True).begin().step(token)


def test_an_altered_token_is_nobody_elses(folder):
    """What is not signed, such as the number of a key, does not say whose it is."""
    taken = []
    for place in range(0, len(Forged().token(KEY, 2)), 37):
        token, exchange = Forged().token(KEY, 2), Acceptor(folder, True).begin()
        with contextlib.suppress(NoTicket):
            exchange.step(token[:place] + bytes([token[place % len(token)] ^ 0x40]) + token[place + 1 :])
            taken.append(exchange.ticket)
    assert len(taken) < 5
    assert {ticket.login for ticket in taken if ticket is not None} <= {"fred.mustermann"}


def test_a_keytab_may_come_and_go(folder):
    acceptor, path = Acceptor(folder, True), folder / KEYTAB
    content = path.read_bytes()
    path.unlink()
    assert not acceptor.ready
    with pytest.raises(NoTicket, match="keytab"):
        acceptor.begin()
    path.write_bytes(b"")
    with pytest.raises(NoTicket):
        acceptor.begin().step(Forged().token(KEY, 2))
    path.write_bytes(content)
    assert acceptor.begin().step(Forged().token(KEY, 2))


def test_a_ticket_is_opened_at_once(folder):
    """The loop of a service waits meanwhile."""
    tokens = [Forged().token(KEY, 2) for _ in range(50)]
    acceptor = Acceptor(folder, True)
    begun = time.perf_counter()
    for token in tokens:
        acceptor.begin().step(token)
    assert (time.perf_counter() - begun) / len(tokens) < 0.01
