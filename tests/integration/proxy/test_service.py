"""The service as a whole: too many connections, a stop, a restart, a reload, the password service away, its probe."""

import contextlib
from dataclasses import replace

import pytest

from appliance.daemon.secret import Secret
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.probe_web import probe_web
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import accepted, descriptors
from tests.integration.proxy.school import BLOCKED, OTHER, PROBE, answer, sign
from tests.integration.proxy.wire import ask, ends_within, until
from tests.integration.support_lists import put_lists
from tests.integration.support_parts import PASSWORD


def test_too_many_connections_from_one_address(school):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(school.connect()) for _ in range(42)]
        assert answer(clients[-1])[0] == 503


def test_a_flood_from_one_address_is_turned_away_without_a_word(school):
    """Forty are served and fifty are told that they are too many, for two seconds: so many descriptors, and no more."""
    (worker,) = school.proxy.children()
    eventually(lambda: not accepted(worker, school.ports.values()))  # those of the test before count, too
    before = descriptors(worker)
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(200):
            with contextlib.suppress(ConnectionResetError):  # turned away before it has noticed that it was let in
                clients.append(stack.enter_context(school.connect()))
        assert answer(clients[60])[0] == 503
        assert len(clients) < 200 or answer(clients[-1]) == (0, b"")
        # Who is turned away is closed after up to 64 were taken in; who is told stays for two seconds.
        eventually(lambda: descriptors(worker) <= before + 91, 1.0)
    eventually(lambda: descriptors(worker) <= before)


def test_auth_away_is_not_a_refusal_and_who_is_remembered_goes_on(school):
    signed = f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n%s\r\n"
    assert ask(school, signed % sign())[0] == 200
    school.auth.stop()
    try:
        assert ask(school, signed % sign())[0] == 200
        with school.connect() as client:
            client.sendall((signed % sign("maria.lehrer")).encode())
            school.auth.start()
            assert answer(client)[0] in (200, 503)
    finally:
        if school.auth.process.poll() is not None:
            school.auth.start()


def test_a_restart_refuses_no_connection(school):
    school.proxy.stop()
    with school.connect() as client:
        client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n".encode())
        school.proxy.start()
        assert answer(client)[0] == 200


def test_who_was_taken_in_just_before_the_end_is_answered(school):
    """The idle connection ends at once and shows that the stop has begun; only then the others ask."""
    question = f"GET http://127.0.0.1:{school.site}/ HTTP/1.1\r\nHost: a\r\n"
    try:
        with contextlib.ExitStack() as stack:
            idle = stack.enter_context(school.connect())
            idle.sendall(f"{question}\r\n".encode())
            until(idle, b"</html>\n")
            fresh = [stack.enter_context(school.connect()) for _ in range(4)]
            idle.sendall(f"{question}\r\n".encode())
            until(idle, b"</html>\n")
            school.proxy.process.send_signal(15)
            assert ends_within(idle, 5.0)
            for one in fresh:
                one.sendall(f"{question}{sign()}\r\n".encode())
            assert [answer(one)[0] for one in fresh] == [200] * 4
        assert school.proxy.process.wait(15) == 0
    finally:
        school.proxy.stop()
        school.proxy.start()


def test_lists_that_were_renewed_are_in_force_without_a_reload(school):
    request = f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n"
    state = school.settings.server.state
    try:
        put_lists(state, {"games": [BLOCKED, "127.0.0.1"]})
        eventually(lambda: ask(school, request)[0] == 403)
    finally:
        put_lists(state, {"games": [BLOCKED]})
    eventually(lambda: ask(school, request)[0] == 200)


def test_the_probe(school):
    visitor = Visitor(school.settings, PROBE, Secret(PASSWORD), 5.0, school.ca)
    probe_web(visitor)
    with pytest.raises(WrongPassword):
        probe_web(replace(visitor, password=Secret(OTHER), timeout=1.0))
    school.proxy.stop()
    try:
        with pytest.raises(ProbeFailed) as caught:
            probe_web(replace(visitor, timeout=1.0))
        assert caught.value.unit == "proxy"
    finally:
        school.proxy.start()
