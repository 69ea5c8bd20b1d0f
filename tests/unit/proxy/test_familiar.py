"""Heads that come again: read and known as the first time, for as long as the password counts, and nothing is kept."""

import base64
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import ensureDeferred

from appliance.auth.client import Answer, Verdict
from appliance.daemon.http_head import BadHead, request_head
from appliance.policy.account import Account, Role
from appliance.policy.snapshot import Snapshot, Version
from appliance.proxy.familiar import Fields, Tunnels
from appliance.proxy.forward import request_upstream
from appliance.proxy.guest import Guests, Reception, Way
from appliance.proxy.job import asked_for
from appliance.proxy.replies import Cause
from appliance.proxy.sign_in import SignIn
from appliance.proxy.target import Where
from appliance.session.house import House
from appliance.session.signed_in import SignedIn

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRED = Account("fred", 1, Role.PUPIL, password_changed_at=NOW - timedelta(days=9))
SECRET = base64.b64encode(b"fred:geheim").decode()
SIGN = f"Proxy-Authorization: Basic {SECRET}\r\n"


def head(*lines: str, target: str = "site.example:443") -> bytes:
    return "\r\n".join([f"CONNECT {target} HTTP/1.1", f"Host: {target}", *lines, SIGN, ""]).encode()


class School:
    """A worker in which fred has signed in."""

    def __init__(self):
        self.clock = 0.0
        self.people(FRED)
        house = House(snapshot=lambda: self.snapshot, journal=self, now=lambda: NOW)
        sign_in = SignIn(house, self, 300.0, lambda: self.clock)
        self.tunnels = Tunnels(sign_in.mark)
        tickets = SimpleNamespace(house=house, acceptor=SimpleNamespace(ready=True, report=print))
        self.reception = Reception(sign_in, tickets, SimpleNamespace(arrive=lambda _address: None, now=lambda: NOW))
        ensureDeferred(self.guests().asked(request_head(head())))

    def people(self, *accounts):
        by_login = {one.login: one for one in accounts}
        self.snapshot = Snapshot(Version(1, 1), "web", "schule.example", ZoneInfo("Europe/Berlin"), by_login)

    async def verify(self, *_asked):
        return Verdict(Answer.VERIFIED, "fred")

    def guests(self, way=Way.TLS, address="10.1.0.7"):
        return Guests(self.reception, address, way)

    def keep(self, raw, guests=None):
        job, guests = asked_for(request_head(raw), caught=False), guests or self.guests()
        guests.known(job.head)
        self.tunnels.keep(raw, job, guests)

    def asked(self, fields, raw, guests=None):
        """A connection by which ``raw`` was sent twice by HTTP."""
        guests = guests or self.guests()
        for _ in range(2):
            assert fields.find(raw, guests) is None
            guests.known(request_head(raw))
            fields.keep(raw, asked_for(request_head(raw), caught=False), guests)
        return guests

    def find(self, raw, guests=None):
        return self.tunnels.find(raw, guests or self.guests())


@pytest.fixture
def school():
    return School()


def test_what_came_before_is_read_and_known_the_same(school):
    raw = head("Accept-Language: en-GB", "Accept-Language: de", "User-Agent: x")
    assert school.find(raw) is None
    school.keep(raw)
    job, guest = school.find(raw)
    assert (job.where, job.path, job.tunnel, job.body.done) == (Where("site.example", 443), "", True, True)
    assert (job.head.method, job.head.target, job.head.minor) == ("CONNECT", "site.example:443", 1)
    assert job.head.values("accept-language") == ["en-GB", "de"]
    assert isinstance(guest, SignedIn)
    assert guest.login == "fred"


@pytest.mark.parametrize("other", [head("X: y"), head(target="site.example:444"), head()[:-3] + b" \r\n", head()[1:]])
def test_one_byte_more_or_less_is_another(other, school):
    school.keep(head())
    assert school.find(head()) is not None
    assert school.find(other) is None


def test_it_lasts_as_long_as_the_password(school):
    school.keep(head())
    school.people(replace(FRED, password_changed_at=NOW))
    assert school.find(head()) is None
    school.people(FRED)
    assert school.find(head()) is None  # nobody goes back to what was forgotten


def test_it_ends_when_auth_is_to_be_asked_again(school):
    school.keep(head())
    school.clock = 299.0
    assert school.find(head()) is not None
    school.clock = 300.0
    assert school.find(head()) is None


def test_an_account_that_is_gone_is_not_known(school):
    school.keep(head())
    school.people()
    assert school.find(head()) is None


@pytest.mark.parametrize("way", [Way.PLAIN, Way.CAUGHT])
def test_no_password_counts_where_none_may_be_sent(way, school):
    school.keep(head(), school.guests(way))
    assert school.find(head()) is None
    school.keep(head())
    assert school.find(head(), school.guests(way)) is None
    assert (school.find(head(), school.guests(way, "127.0.0.1")) is not None) == (way is Way.PLAIN)


def test_who_shows_tickets_is_known_by_them(school):
    school.keep(head())
    guests = school.guests()
    guests.known(request_head(head()))
    ticket = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Negotiate ?\r\n\r\n"
    school.keep(ticket, guests)
    assert school.find(ticket) is None  # the password of before says nothing of it
    assert school.find(head(), guests) is None


@pytest.mark.parametrize("raw", [head(SIGN.strip()), head("Content-Length: 3"), head("X: " + "y" * 1024)])
def test_what_is_unusual_is_read_each_time(raw, school):
    school.keep(raw)
    assert school.find(raw) is None


def test_another_password_on_the_same_connection_is_another(school):
    guests, other = school.guests(), head().replace(SECRET.encode(), base64.b64encode(b"fred:falsch"))
    assert guests.known(request_head(head())).login == "fred"
    assert guests.known(request_head(other)) is None
    assert guests.known(request_head(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")).cause is Cause.SIGN_IN
    assert guests.known(request_head(head())).login == "fred"


def test_nothing_that_is_kept_shows_the_password(school):
    guests = school.guests()
    school.keep(head("Accept-Language: de", f"Cookie: {SECRET}"), guests)
    kept = pickle.dumps((school.tunnels._known, guests._mark, guests._shown))
    assert SECRET.encode() not in kept
    assert b"geheim" not in kept
    assert b"site.example" in kept  # the dump shows what is there


def test_it_is_bounded(school):
    for number in range(10_050):
        school.keep(head(target=f"a{number}.example:443"))
    assert len(school.tunnels._known) <= 10_000
    assert school.find(head(target="a10049.example:443")) is not None


def get(*lines: str, path: str = "/", version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET http://site.example{path} HTTP/{version}", "Host: a", *lines, SIGN, ""]).encode()


def test_another_path_with_the_same_fields_is_read_and_known_the_same(school):
    fields = Fields()
    guests = school.asked(fields, get("Cookie: a=b", "Range: bytes=0-9", "Accept-Language: en"))
    job, guest = fields.find(get("Cookie: a=b", "Range: bytes=0-9", "Accept-Language: en", path="/b?c"), guests)
    assert (job.where, job.path, job.tunnel, job.body.done) == (Where("site.example", 80), "/b?c", False, True)
    assert request_upstream(job.head, job.where, job.path, job.body) == (
        b"GET /b?c HTTP/1.1\r\nHost: site.example\r\nCookie: a=b\r\nAccept-Language: en\r\nRange: bytes=0-9\r\n"
        b"Via: 1.1 schoolserver\r\n\r\n"
    )
    assert job.head.values("accept-language") == ["en"]
    assert guest.login == "fred"


@pytest.mark.parametrize(
    "other", [get("X: y"), get()[:-3] + b" \r\n", get(version="1.0"), get(version="2.0"), get()[4:]]
)
def test_other_fields_and_odd_lines_are_read_anew(other, school):
    fields = Fields()
    guests = school.asked(fields, get())
    assert fields.find(get(path="/x"), guests) is not None
    assert fields.find(other, guests) is None


def test_a_target_that_is_none_is_left_to_who_reads_all(school):
    fields = Fields()
    guests = school.asked(fields, get())
    assert fields.find(get().replace(b"http://", b"ftp://"), guests) is None


def test_fields_announce_the_same_body_again(school):
    fields = Fields()
    guests = school.asked(fields, get("Content-Length: 3"))
    (first, _), (second, _) = (fields.find(get("Content-Length: 3"), guests) for _ in range(2))
    assert first.body.feed(b"abc") == b"abc"
    assert (first.body.done, second.body.done, second.body.length) == (True, False, 3)


def test_fields_are_known_as_long_as_the_password_counts(school):
    fields = Fields()
    guests = school.asked(fields, get())
    school.people(replace(FRED, password_changed_at=NOW))
    assert fields.find(get(), guests) is None


def test_fields_are_not_known_after_a_ticket_or_where_no_password_counts(school):
    fields = Fields()
    guests = school.asked(fields, get())
    guests.known(request_head(get().replace(f"Basic {SECRET}".encode(), b"Negotiate ?")))
    assert fields.find(get(), guests) is None
    guests = school.asked(fields, get(), school.guests(Way.CAUGHT))
    assert fields.find(get(), guests) is None


@pytest.mark.parametrize(
    "raw",
    [
        get("X: " + "y" * 2048),
        get(*["X: y"] * 31),
        get("Connection: a, b, c, d, e"),
        get("AUTHORIZATION: Basic eA=="),
        get().replace(b"Host: a\r\n", b"").replace(b"1.1", b"1.0"),
    ],
)
def test_fields_that_take_much_or_hold_another_password_are_read_each_time(raw, school):
    fields = Fields()
    guests = school.asked(fields, raw)
    assert fields.find(raw, guests) is None
    assert fields.find(raw.replace(b"1.0", b"1.1"), guests) is None


def test_what_is_kept_of_fields_does_not_show_the_password(school):
    fields = Fields()
    guests = school.asked(fields, get("Cookie: a=b", path="/weg"))
    kept = pickle.dumps((fields._like, fields._hash, fields._mark, guests._mark, guests._shown))
    assert SECRET.encode() not in kept
    assert b"/weg" not in kept
    assert b"Cookie: a=b" in kept  # the dump shows what is there


FIELDS = ["Accept-Language: de", "X-Tab: \t a", "Range: bytes=0-9", "Connection: close", "Connection: x-a", "X-a: 1",
          "Content-Length: 5", "Transfer-Encoding: chunked", "X Bad: 1", "Host: b", "Expect: 100-continue"]  # fmt: skip
STARTS = ["GET http://a.example/", "HEAD http://a.example:8080/x?y", "POST http://b.example", "GET ftp://a/", "GET /x"]


@given(
    blocks=st.lists(st.lists(st.sampled_from(FIELDS), max_size=3), min_size=2, max_size=2),
    heads=st.lists(
        st.tuples(
            st.sampled_from(STARTS),
            st.sampled_from(["1.1", "1.1", "1.1", "1.0", "2.0"]),
            st.sampled_from([0, 0, 0, 0, 1]),
            st.sampled_from(["geheim"] * 7 + ["falsch"]),
        ),
        min_size=3,
        max_size=12,
    ),
)
def test_any_heads_of_one_connection_are_read_as_if_none_had_come_before(blocks, heads):
    school, fields = School(), Fields()
    guests = school.guests()
    for start, version, block, password in heads:
        sign = f"Proxy-Authorization: Basic {base64.b64encode(f'fred:{password}'.encode()).decode()}"
        raw = "\r\n".join([f"{start} HTTP/{version}", "Host: a", *blocks[block], sign, "", ""]).encode()
        found = fields.find(raw, guests)
        try:
            head = request_head(raw)
            job = asked_for(head, caught=False)
        except BadHead:
            assert found is None
            continue
        guest = school.guests().known(head)
        if found is not None:
            assert found[1] is guest
            assert told(found[0]) == told(job)
        if guests.known(head) is not None:
            fields.keep(raw, job, guests)


def told(job):
    body = type(job.body), job.body.length, job.body.done
    return *body, job.may_keep, job.head.values("accept-language"), job.where, job.path, sent(job), job.head.method


def sent(job):
    return request_upstream(job.head, job.where, job.path, job.body)
