"""Many connections at once: what they cost, who loses his and who does not."""

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appliance.policy.access import Who
from appliance.policy.account import Lock
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import accepted, cpu, descriptors, rss, serves
from tests.integration.proxy.outside import NAME
from tests.integration.proxy.school import FRED, MARIA, sign
from tests.integration.proxy.wire import ask, ends_within, until

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
TUNNELS = 10_000
KIB = 1024


def connect(outside, count, login=FRED):
    """Open ``count`` tunnels to the echo, many at a time."""
    request = f"CONNECT 127.0.0.1:{outside.echo} HTTP/1.1\r\nHost: a\r\n{sign(login)}\r\n".encode()
    made = []
    while len(made) < count:
        some = [outside.connect(timeout=30.0) for _ in range(min(500, count - len(made)))]
        made += some
        for one in some:
            one.sendall(request)
        for one in some:
            assert one.recv(len(OPEN), socket.MSG_WAITALL) == OPEN
    return made


def lives(tunnel):
    """Whether what is sent comes back."""
    try:
        tunnel.sendall(b"x")
        return tunnel.recv(1) == b"x"
    except OSError:
        return False


@contextlib.contextmanager
def closed(tunnels):
    try:
        yield tunnels
    finally:
        for one in tunnels:
            one.close()


@pytest.fixture(autouse=True)
def quiet(outside):
    """Nothing is under way, and the test may open many descriptors."""
    eventually(lambda: not any(accepted(each, outside.ports.values()) for each in outside.proxy.children()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_idle_tunnels_take_less_than_a_kib_each(outside):
    """The test and the echo need one descriptor for each, the two workers together two."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(TUNNELS, hard - 1000)
    workers = outside.proxy.children()
    open_before = sum(map(descriptors, workers))
    with closed(connect(outside, 200)):
        pass  # what is made once is there now
    eventually(lambda: sum(map(descriptors, workers)) <= open_before + 20)
    before, open_before = sum(map(rss, workers)), sum(map(descriptors, workers))
    gc.disable()
    try:
        with closed(connect(outside, count)) as tunnels:
            assert sum(map(descriptors, workers)) >= open_before - 20 + 2 * count
            each = (sum(map(rss, workers)) - before) / count
            for one in tunnels:
                one.sendall(b"x")
            assert all(one.recv(1) == b"x" for one in tunnels)
            each_used = (sum(map(rss, workers)) - before) / count
    finally:
        gc.enable()
    assert (each <= KIB, each_used <= KIB) == (True, True), (each, each_used)
    eventually(lambda: sum(map(descriptors, workers)) <= open_before + 20)


def test_a_lock_ends_the_tunnels_of_one_person_in_time_and_nobody_elses(outside):
    login = outside.somebody()
    with closed(connect(outside, 200, login)) as hers, closed(connect(outside, 50, MARIA)) as others:
        outside.publish(**{login.replace(".", "__"): {"locks": (Lock(None, datetime.now(UTC), None),)}})
        assert gone_within(2.0, hers) == len(hers)
        assert not any(map(lives, hers))
        assert all(map(lives, others))
        request = f"CONNECT 127.0.0.1:{outside.echo} HTTP/1.1\r\nHost: a\r\n{sign(login)}\r\n"
        eventually(lambda: ask(outside, request)[0] == 403)  # the other worker may hear of it later
    outside.publish()


def test_a_new_rule_ends_the_tunnels_that_it_is_about_in_time(outside):
    login, before = outside.somebody(), outside.settings
    who = Who(logins=frozenset({login}))
    rule = WebRule("web.yaml:3 rules[0]", who, Verdict.BLOCK, targets=frozenset({"127.0.0.1"}))
    with closed(connect(outside, 50, login)) as hers, closed(connect(outside, 50, MARIA)) as others:
        try:
            outside.settings = replace(before, web_rules=WebRules([rule, *before.web_rules]))
            outside.publish()
            assert gone_within(2.0, hers) == len(hers)
            assert all(map(lives, others))
            request = f"CONNECT 127.0.0.1:{outside.echo} HTTP/1.1\r\nHost: a\r\n{sign(login)}\r\n"
            eventually(lambda: ask(outside, request)[0] == 403)  # the other worker may hear of it later
        finally:
            outside.settings = before
            outside.publish()


def gone_within(seconds, tunnels):
    """Give how many of ``tunnels`` end within ``seconds``."""
    end = time.monotonic() + seconds
    poll = select.poll()
    for one in tunnels:
        poll.register(one, select.POLLIN)
    gone = set()
    while len(gone) < len(tunnels) and (left := end - time.monotonic()) > 0:
        for number, _event in poll.poll(left * 1000):
            gone.add(number)
            poll.unregister(number)
    return len(gone)


def test_a_worker_that_dies_takes_its_own_connections_and_no_others(outside):
    first, second = outside.proxy.children()
    with contextlib.ExitStack() as stack:
        tunnels = []
        for _ in range(40):  # the kernel wakes one of them for each connection; which one, it says nowhere
            tunnels += stack.enter_context(closed(connect(outside, 10)))
            its = accepted(first, outside.ports.values())
            if 0 < its < len(tunnels):
                break
        signal.pidfd_send_signal(stack.enter_context(_process(first)), signal.SIGKILL)
        eventually(lambda: first not in outside.proxy.children())
        assert sum(not lives(one) for one in tunnels) == its
        eventually(lambda: list(map(serves, outside.proxy.children())) == [True, True])
        assert second in outside.proxy.children()
        assert all(map(lives, stack.enter_context(closed(connect(outside, 20)))))


@contextlib.contextmanager
def _process(pid):
    number = os.pidfd_open(pid)
    yield number
    os.close(number)


@contextlib.contextmanager
def limited(outside, more):
    """The workers may open ``more`` descriptors, at the most; whose process it is may say so."""
    own, workers = outside.owner, outside.proxy.children()
    become = ["setpriv", f"--reuid={own.uid}", f"--regid={own.gid}", "--clear-groups", "prlimit"]

    def limit(worker, number):
        subprocess.run([*become, f"--pid={worker}", f"--nofile={number}"], check=True)

    before = {}
    for worker in workers:
        before[worker] = resource.prlimit(0, resource.RLIMIT_NOFILE)[1]
        limit(worker, f"{max(3, descriptors(worker) + more)}:")
    try:
        yield workers
    finally:
        for worker, number in before.items():
            limit(worker, f"{number}:")


def test_when_descriptors_run_out_others_wait_and_nothing_spins(outside):
    lines = outside.log.read_text().count("no descriptors")
    with closed(connect(outside, 20)) as tunnels, contextlib.ExitStack() as stack:
        with limited(outside, 8) as workers:
            waiting = [stack.enter_context(outside.connect()) for _ in range(60)]
            for one in waiting:
                one.sendall(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: outside.log.read_text().count("no descriptors") > lines)
            used, began = sum(map(cpu, workers)), time.monotonic()
            assert not ends_within(waiting[-1], 1.0)
            assert sum(map(cpu, workers)) - used < 0.3 * (time.monotonic() - began)
            assert all(map(lives, tunnels)), "those that are open go on"
        for one in waiting:
            one.settimeout(15)
            assert b" 407 " in until(one, b"</html>\n"), "they are served as soon as there are some again"
    assert outside.log.read_text().count("no descriptors") <= lines + 4


def test_no_descriptor_for_the_site_is_an_answer(outside):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(outside.connect()) for _ in range(2)]
        for one in clients:
            one.sendall(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b" 407 " in until(one, b"</html>\n")
        with limited(outside, -1000):
            for one in clients:
                one.sendall(f"GET http://{NAME}/ HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
                assert b" 50" in until(one, b"</html>\n")
    with closed(connect(outside, 2)) as tunnels:
        assert all(map(lives, tunnels))
