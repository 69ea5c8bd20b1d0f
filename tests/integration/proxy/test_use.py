"""What is recorded of use, for audit alone: who was where, when and how much; never what was asked for (K36)."""

import contextlib
from datetime import datetime

import pytest

from appliance.daemon.request_client import BlockingClient
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.school import BLOCKED, FRED, School, answer, sign
from tests.integration.proxy.wire import all_recorded, answering, ask, asked, ends_within, open_tunnel, raw, until, uses
from tests.integration.support_parts import LIMIT


@contextlib.contextmanager
def one_use(school: School):
    """Gives a mapping that holds the one event of what began meanwhile, once it is there."""
    found: dict[str, object] = {}
    begin = all_recorded(school)
    yield found
    eventually(lambda: uses(school, begin) != [])
    (event,) = uses(school, begin)
    found.update(event)


def test_an_exchange(school):
    with one_use(school) as use:
        request = f"POST http://127.0.0.1:{school.raw_site}/secret?q=1 HTTP/1.1\r\nHost: a\r\n{sign()}"
        with school.connect() as client:
            client.sendall(f"{request}Content-Length: 7\r\nConnection: close\r\n\r\ncontent".encode())
            with asked(school) as (origin, _head):
                origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nthe answer.")
                assert answer(client)[0] == 200
    since, ended = (datetime.fromisoformat(str(use.pop(name))) for name in ("since", "time"))
    assert since <= ended
    assert use == {
        "kind": "web-used",
        "login": FRED,
        "address": "127.0.0.1",
        "host": "127.0.0.1",
        "port": school.raw_site,
        "way": "http",
        "requests": 1,
        "up": 7,
        "down": 11,
        "outcome": "done",
    }
    assert "secret" not in school.used
    for word in (FRED, "web-used", str(school.raw_site), "secret"):
        assert word not in school.log.read_text()


def test_one_event_for_what_one_asks_of_a_site_in_a_moment(school):
    begin = all_recorded(school)
    with school.connect() as client:
        for site in (school.site, school.site, 9, school.site):
            client.sendall(f"GET http://127.0.0.1:{site}/bytes/6 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
            until(client, b"Muster" if site == school.site else b"</html>\n")
    eventually(lambda: sum(use["requests"] for use in uses(school, begin)) == 4)
    assert {(use["requests"], use["down"], use["outcome"]) for use in uses(school, begin)} == {
        (3, 18, "done"),
        (1, 0, "failed"),
    }


@pytest.mark.parametrize("side", [0, 1])
def test_a_tunnel_that_either_side_ends(school, side):
    with one_use(school) as use, open_tunnel(school) as ends:
        client, origin = ends
        client.sendall(b"12345")
        assert origin.recv(5) == b"12345"
        origin.sendall(b"123")
        assert client.recv(3) == b"123"
        ends[side].close()
    assert (use["way"], use["up"], use["down"], use["outcome"]) == ("connect", 5, 3, "done")


def test_what_the_limit_ends(school):
    limited = school.somebody()
    with one_use(school) as use:
        assert ask(school, f"GET http://127.0.0.1:{school.site}/bytes/{LIMIT + 1} HTTP/1.0\r\n{sign()}\r\n")[0] == 403
    assert use["outcome"] == "refused"
    with one_use(school) as use, open_tunnel(school, login=limited) as (client, _origin), contextlib.suppress(OSError):
        while True:
            client.sendall(bytes(65536))
    assert use["outcome"] == "refused"
    assert use["up"] > LIMIT


def test_what_must_end_because_the_policy_changed(school):
    with one_use(school) as use, open_tunnel(school) as (client, _origin):
        school.publish(fred__mustermann={"must_change": True})
        assert ends_within(client, 2.0)
    assert use["outcome"] == "refused"


def test_what_fails_and_what_is_broken_off(school):
    with one_use(school) as use:
        assert ask(school, f"GET http://127.0.0.1:9/ HTTP/1.0\r\n{sign()}\r\n")[0] == 502
    assert (use["port"], use["up"], use["down"], use["outcome"]) == (9, 0, 0, "failed")
    with one_use(school) as use, school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head):
            origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            until(client, b"abc")
        assert ends_within(client, 5)
    assert (use["down"], use["outcome"]) == (3, "failed")
    with one_use(school) as use, answering(school, 1000) as (client, origin):
        client.close()
        assert ends_within(origin, 5)
    assert (use["down"], use["outcome"]) == (3, "broken-off")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://www.{BLOCKED}/", "closed-category"),
        ("http://www.example.org:8443/", "closed-port"),
        ("http://localhost/", "inside"),
    ],
)
def test_what_is_closed_is_told_by_its_code_and_names_nobody(school, url, reason):
    status, page = ask(school, f"GET {url} HTTP/1.0\r\n{sign()}\r\n")
    assert status == 403
    query = BlockingClient(school.settings.server.runtime / "audit" / "query.sock", 10)
    told = query.call("why", code=page.decode().partition("<code>")[2].partition("</code>")[0])
    query.close()
    assert (told["service"], told["reason"]) == ("web", reason)
    assert FRED not in str(told)
    assert BLOCKED not in str(told)
