"""How much passes through tunnels (K12, decision 26): real bytes, by one, by many, by several workers."""

import contextlib
import os
import signal
from typing import ClassVar

import pytest

from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.proxy.allowance import with_tls
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.moving import ENDLESS, Moving, Refusal, download, load, passes, tunnel, upload, why
from tests.integration.proxy.moving_school import EXEMPT, Busy, start
from tests.integration.support_parts import LIMIT

MOST = with_tls(LIMIT)
PIECES, EACH = 25, LIMIT // 20
"""A quarter more than may pass, in pieces."""


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_a_download_in_a_tunnel_is_cut_at_the_limit(busy, port):
    before = busy.far.given
    assert download(busy, busy.far, busy.somebody(), port).until_cut() <= MOST
    assert busy.far.given - before > MOST


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_an_upload_in_a_tunnel_is_cut_at_the_limit(busy, port):
    assert upload(busy, busy.far, busy.somebody(), f"/cut-{port}", port).until_cut() > MOST
    assert busy.far.taken[f"/cut-{port}"] <= MOST


@pytest.mark.parametrize("up", [False, True])
def test_a_file_of_the_limit_passes(busy, up):
    assert load(busy, busy.far, busy.somebody(), LIMIT, up)


@pytest.mark.parametrize("up", [False, True])
def test_pieces_over_one_connection_after_the_other_are_one_transfer(busy, up):
    login = busy.somebody()
    passed = 0
    with contextlib.suppress(Refusal):
        while passed < PIECES and load(busy, busy.far, login, EACH, up):
            passed += 1
    assert passed in (20, 21)


def test_pieces_over_tunnels_side_by_side_are_one_transfer(busy):
    login = busy.somebody()
    before = busy.far.given
    clients = [tunnel(busy, busy.far, login) for _ in range(4)]
    flows = [Moving(client, ENDLESS) for client in clients]
    assert sum(flow.until_cut() for flow in flows) <= MOST
    assert busy.far.given - before > MOST


def test_who_is_over_is_told_so_until_the_window_has_moved_on(busy):
    login, another = busy.somebody(), busy.somebody()
    download(busy, busy.far, login).until_cut()
    with pytest.raises(Refusal, match=" 403 ") as caught:
        tunnel(busy, busy.far, login)
    refused = caught.value
    assert 590 <= refused.retry_after <= 630
    assert "so viel ausgetauscht" in refused.text
    assert f"in {-(-refused.retry_after // 60)} min" in refused.text
    told = why(busy, refused.code)
    assert (told["service"], told["reason"]) == ("web", "too-large")
    assert login not in str(told)
    assert "127.0.0.2" not in str(told)
    with pytest.raises(Refusal):
        load(busy, busy.far, login, 1, up=True)
    assert load(busy, busy.other, login, LIMIT), "another host"
    assert load(busy, busy.far, another, LIMIT), "another account"


def test_each_direction_has_its_own_limit(busy):
    login = busy.somebody()
    for up in (False, True):
        assert load(busy, busy.far, login, LIMIT, up)


def test_an_exempt_host_has_no_limit(busy):
    login = busy.somebody()
    for up in (False, True):
        assert load(busy, busy.free, login, 5 * LIMIT, up)
        assert load(busy, busy.free, login, LIMIT, up)


def test_a_host_that_is_exempt_no_more_has_the_limit_in_tunnels_that_are_open_too(busy):
    login = busy.somebody()
    flow = download(busy, busy.free, login)
    eventually(lambda: flow.moved > 2 * LIMIT)
    busy.reload(f"exempt: [{EXEMPT}]", "exempt: []")
    flow.until_cut()
    assert not load(busy, busy.free, busy.somebody(), 2 * LIMIT)
    busy.reload("exempt: []", f"exempt: [{EXEMPT}]")
    assert load(busy, busy.free, login, 2 * LIMIT)


def test_a_changed_limit_counts_at_once(busy):
    login = busy.somebody()
    download(busy, busy.far, login).until_cut()
    busy.publish(limits=LimitTable(Limits(10 * LIMIT, 10 * LIMIT)))
    eventually(lambda: passes(busy, busy.far, login, LIMIT))
    with tunnel(busy, busy.far, login) as client:
        client.sendall(b"GET /bytes/100 HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b"H"
        busy.publish(limits=LimitTable(Limits(LIMIT, LIMIT)))
        eventually(lambda: _refused(busy, login))
        assert Moving(client, ENDLESS).until_cut() < LIMIT


def _refused(school, login):
    try:
        tunnel(school, school.far, login).close()
    except Refusal as refused:
        return refused.status == 403
    return False


def test_after_the_window_it_is_open_again(busy):
    busy.reload("tunnel_window: 10 min", "tunnel_window: 10 s")  # the shortest there is
    login = busy.somebody()
    download(busy, busy.far, login).until_cut()
    with pytest.raises(Refusal, match=r"Retry-After: (9|10|11)\r") as caught:
        tunnel(busy, busy.far, login)
    assert "in 1 min" in caught.value.text
    eventually(lambda: not _refused(busy, login))
    assert load(busy, busy.far, login, EACH)
    busy.reload("tunnel_window: 10 s", "tunnel_window: 10 min")


class Crowd(Busy):
    """Two workers, behind a line that keeps what passes in a moment small beside the limit."""

    LIMIT = 5 * LIMIT
    PASSES: ClassVar = 8_000_000
    TIMES = f"{Busy.TIMES}workers: 2\nline_rate: {{up: 64 Mbit/s}}\n"


def test_two_workers_have_one_limit_and_one_of_them_may_die():
    with start(Crowd) as school:
        _one_limit(school)
        first, second = school.proxy.children()
        (mine, others) = (_of(school, worker, school.somebody()) for worker in (first, second))
        os.kill(first, signal.SIGKILL)
        assert [_answers(client) for client in mine] == [False] * 6
        assert [_answers(client) for client in others] == [True] * 6
        eventually(lambda: len(school.proxy.children()) == 2)
        school.reload()
        _one_limit(school)
        assert "Traceback" not in school.log.read_text()


def _one_limit(school):
    login = school.somebody()
    path = f"/{login}"
    clients = [client for worker in school.proxy.children() for client in _of(school, worker, login)]
    flows = [Moving(client, f"POST {path} HTTP/1.1\r\n\r\n", up=True) for client in clients]
    for flow in flows:
        flow.until_cut()
    assert school.far.taken[path] < with_tls(school.limit) + school.PASSES / 2


def _of(school, worker, login):
    """Six tunnels of ``worker``: the others have no time just now."""
    others = [one for one in school.proxy.children() if one != worker]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        return [tunnel(school, school.far, login) for _ in range(6)]
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def _answers(client):
    with client, contextlib.suppress(OSError):
        client.sendall(b"GET /bytes/1 HTTP/1.1\r\n\r\n")
        return client.recv(1) == b"H"
    return False
