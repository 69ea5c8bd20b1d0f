"""Whose device the phone is: his rules and his name in the log of use; nobody's are the strictest of all."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from appliance.policy.account import Lock, Service
from appliance.policy.owners import Binding
from tests.integration.proxy.wire import ends_within, until
from tests.integration.ways.test_http import ask
from tests.integration.ways.test_tls import ALERT, curl, said
from tests.integration.ways.town import CHOSEN, FRED, HELLO, MARIA, PHONE, Town, eventually

PUPILS, TEACHERS, BOTH = "six.example", "other.example", "good.example"


def bind(town: Town, login: str, **changes: object) -> None:
    """From now on the phone is a device of ``login``."""
    town.publish(owners=town.own(login), **({login.replace(".", "__"): changes} if changes else {}))
    mine = PUPILS if login == FRED else TEACHERS
    eventually(lambda: town.open_to_phone(mine) if not changes else not town.open_to_phone(BOTH))


def test_nobody_may_what_everybody_may(town):
    for name, reason in ((PUPILS, "not-open"), (TEACHERS, "not-open")):
        with town.refuses(reason, reason):
            assert ask(town, name)[0] == 403
            assert curl(town, name)[0] != 0
    assert ask(town, BOTH)[0] == 200
    assert curl(town, BOTH)[0] == 0


@pytest.mark.parametrize(("login", "mine", "others"), [(FRED, PUPILS, TEACHERS), (MARIA, TEACHERS, PUPILS)])
def test_an_owner_has_his_rules_and_his_name_in_the_log(town, login, mine, others):
    bind(town, login)
    assert ask(town, mine)[0] == 200
    assert curl(town, mine)[0] == 0
    for way in ("http", "tls"):
        eventually(lambda way=way: town.used(kind="web-used", login=login, address=PHONE, host=mine, way=way))
    assert len(town.used(kind="sign-in", login=login, address=PHONE, outcome="verified", way="address")) >= 1
    with town.refuses("not-open", "not-open"):
        assert ask(town, others)[0] == 403
        assert curl(town, others)[0] != 0


def test_a_category_is_closed_to_whom_it_is_closed(town):
    bind(town, MARIA)
    assert ask(town, "spiele.example")[0] == 200
    bind(town, FRED)
    with town.refuses("closed-category"):
        assert ask(town, "spiele.example")[0] == 403


def test_an_address_is_no_way_inside_for_those_who_may_ask_for_addresses(town):
    bind(town, MARIA)
    assert ask(town, "9.9.9.10")[0] == 200
    insiders = ("10.1.12.9", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]", "9.9.8.7")
    with town.refuses(*["inside"] * len(insiders)):
        assert [ask(town, host)[0] for host in insiders] == [403] * len(insiders)
    assert ask(town, "2130706433")[0] == 502, "no name, and never looked up as an address"
    assert ask(town, "127.1")[0] == 502


GONE = (
    ("must-change", {"must_change": True}),
    ("consent-missing", {"consents": frozenset()}),
    ("locked", {"locks": (Lock(Service.WEB, datetime.now(UTC), None),)}),
    ("disabled", {"disabled": True}),
)


@pytest.mark.parametrize(("reason", "changes"), GONE)
def test_who_may_nothing_gets_nothing_from_his_device_either(town, reason, changes):
    bind(town, FRED, **changes)
    with town.refuses(reason, reason):
        assert ask(town, BOTH)[0] == 403
        assert said(town, HELLO) == ALERT


@pytest.mark.parametrize(("reason", "changes"), GONE)
def test_what_closes_to_the_owner_ends_what_is_open_within_two_seconds(town, reason, changes):
    bind(town, FRED)
    with town.phone(CHOSEN, 443) as client, town.led(client) as far:
        town.publish(owners=town.own(FRED), fred__mustermann=changes)
        assert ends_within(client, 2.0)
        assert ends_within(far, 2.0)
    eventually(lambda: town.used(kind="session-ended", login=FRED, reason=reason))
    eventually(lambda: town.used(kind="web-used", login=FRED, host="raw.example", way="tls", outcome="refused"))


@pytest.mark.parametrize(
    ("before", "after"), [("", FRED), (FRED, ""), (FRED, MARIA)], ids=["bound", "released", "another"]
)
def test_another_owner_ends_what_is_open_within_two_seconds(town, before, after):
    if before:
        bind(town, before)
    already = len(town.used(kind="session-ended", login=before, reason="owner-changed"))
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(town.phone(CHOSEN, 443))
        far = stack.enter_context(town.led(tls))
        web = stack.enter_context(town.phone(CHOSEN, 80))
        web.sendall(f"GET /1 HTTP/1.1\r\nHost: {BOTH}\r\n\r\n".encode())
        until(web, b"}")
        town.publish(owners=town.own(after) if after else {})
        assert ends_within(tls, 2.0)
        assert ends_within(far, 2.0)
        web.sendall(f"GET /2 HTTP/1.1\r\nHost: {BOTH}\r\n\r\n".encode())
        until(web, b"}")
    eventually(lambda: len(town.used(kind="session-ended", login=before, reason="owner-changed")) == already + 2)
    eventually(lambda: town.used(kind="web-used", login=after, host=BOTH, requests=1))


@pytest.mark.parametrize("login", [FRED, ""], ids=["ends", "begins"])
def test_a_binding_begins_and_ends_on_time(town, login):
    at = datetime.now(UTC) + timedelta(seconds=2)
    hour = timedelta(hours=1)
    town.publish(owners={PHONE: Binding(FRED, at - hour, at) if login else Binding(FRED, at, at + hour)})
    eventually(lambda: town.open_to_phone(PUPILS) == bool(login), 1.5)
    with town.phone(CHOSEN, 443) as client, town.led(client):
        assert not ends_within(client, max(0.1, (at - datetime.now(UTC)).total_seconds() - 0.3))
        assert ends_within(client, 2.3)


def test_a_new_password_ends_nothing_that_an_address_has_opened(town):
    bind(town, FRED)
    with town.phone(CHOSEN, 443) as client, town.led(client) as far:
        changed = {"password_changed_at": datetime.now(UTC)}
        town.publish(owners=town.own(FRED, seconds=60), fred__mustermann=changed, maria__lehrer={"disabled": True})
        far.sendall(b"x")
        assert client.recv(1) == b"x"
        assert not ends_within(client, 0.5)


def test_two_of_nobodys_phones_are_two(town):
    """What one of them uses is not the other's, though both have no name."""
    town.net.phone.must("ip addr add 10.1.64.10/18 dev far")
    try:
        argv = ["curl", "--silent", "--interface", "10.1.64.10", "--header", f"Host: {BOTH}", f"http://{CHOSEN}/x"]
        assert BOTH in town.net.phone.run(*argv).stdout
        eventually(lambda: town.used(kind="web-used", login="", address="10.1.64.10", host=BOTH))
    finally:
        town.net.phone.must("ip addr del 10.1.64.10/18 dev far")
