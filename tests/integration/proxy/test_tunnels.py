"""Tunnels, and what ends them and other things under way: the policy, the limit."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest

from appliance.policy.account import Lock
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.school import School, sign
from tests.integration.proxy.wire import answering, ask, connect, ends_within, open_tunnel, tunnel


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_a_tunnel_carries_bytes_both_ways_and_ends_with_either(school, port):
    for side in (0, 1):
        with open_tunnel(school, port, school.somebody()) as ends:
            data = bytes(range(256)) * 2000
            for sender, taker in (ends, ends[::-1]):
                sending = threading.Thread(target=sender.sendall, args=(data,))
                sending.start()
                came = b""
                while len(came) < len(data):
                    came += taker.recv(65536)
                sending.join()
                assert came == data
            ends[side].close()
            assert ends_within(ends[1 - side], 5)


def test_what_is_sent_with_connect_arrives(school):
    with school.connect() as client:
        client.sendall(connect(school) + b"early")
        connection, _ = school.raw.accept()
        with connection:
            assert connection.recv(5) == b"early"


def test_who_asked_before_with_the_same_head_is_judged_anew(school):
    login = school.somebody()
    for _ in range(3):
        with open_tunnel(school, login=login):
            pass
    for changes, status in (
        ({"locks": (Lock(None, datetime.now(UTC), None),)}, 403),
        ({}, 200),
        ({"must_change": True}, 403),
        ({"password_changed_at": datetime.now(UTC) + timedelta(minutes=1)}, 200),  # auth is asked, and knows this one
    ):
        school.publish(**{login.replace(".", "__"): changes})
        eventually(lambda status=status: _asks_for_a_tunnel(school, login) == status)


def test_a_head_that_comes_again_is_answered_in_its_language(school):
    lines = "Accept-Language: en\r\nConnection: close\r\n"
    said = f"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n{lines}{sign(school.somebody())}\r\n"
    first, *others = (ask(school, said) for _ in range(3))
    assert b'lang="en"' in first[1]
    assert others == [first, first]


def test_a_tunnel_after_a_request_to_the_same_place_is_a_tunnel(school):
    with answering(school, 3) as (client, origin):
        tunnel(school, client)
        other, _ = school.raw.accept()
        with other:
            client.sendall(b"hello")
            assert other.recv(5) == b"hello"
        assert ends_within(origin, 5)


def test_a_lock_that_begins_later_is_on_time(school):
    with open_tunnel(school) as (client, connection):
        at = datetime.now(UTC) + timedelta(seconds=1.5)
        school.publish(fred__mustermann={"locks": (Lock(None, at, None),)})
        assert not ends_within(client, 0.8)
        assert ends_within(client, 2.7)
        assert ends_within(connection, 2.0)


def test_must_change_ends_a_download(school):
    with answering(school, 1000) as (client, _origin):
        school.publish(fred__mustermann={"must_change": True})
        assert ends_within(client, 2.0)


def test_limits_change_while_a_tunnel_is_open(school):
    with open_tunnel(school, login=school.somebody()) as (client, connection):
        client.sendall(bytes(200_000))
        left = 200_000
        while left:
            left -= len(connection.recv(left))
        school.publish(limits=LimitTable(Limits(1000, 1000)))
        eventually(lambda: _denied(school))
        with contextlib.suppress(OSError):
            client.sendall(bytes(1000))
        assert ends_within(client, 2.0)


def _asks_for_a_tunnel(school: School, login: str) -> int:
    with school.connect() as client:
        client.sendall(connect(school, login))
        status = int(client.recv(12)[9:])
    if status == 200:
        school.raw.accept()[0].close()
    return status


def _denied(school: School) -> bool:
    return ask(school, f"GET http://127.0.0.1:{school.site}/bytes/2000 HTTP/1.0\r\n{sign()}\r\n")[0] == 403
