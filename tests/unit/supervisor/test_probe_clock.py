"""How far the server's clock may be from that of its sources, and how often these are asked."""

import threading
from dataclasses import replace

import pytest

from appliance.daemon.secret import Secret
from appliance.supervisor.probe import ProbeFailed, Visitor
from appliance.supervisor.probe_clock import AGAIN, ALARM, EVERY, ClockProbe
from tests.unit.supervisor.scenery import settings


class Server:
    """A clock that stands ``wrong`` seconds ahead, and sources that tell the right time unless they are silent."""

    def __init__(self, *sources):
        self.ticks, self.wrong, self.silent, self.asked = 500.0, 0.0, set(), []
        own = replace(settings(), domain=replace(settings().domain, time_servers=sources))
        self.visitor = Visitor(own, "schoolserver-probe", Secret("x"), 1.0, own.folder)
        self.probe = ClockProbe(self.ask, lambda: 1.7e9 + self.ticks + self.wrong, lambda: self.ticks)

    def ask(self, host, seconds):
        self.asked.append(host)
        assert seconds == self.visitor.timeout
        if host in self.silent:
            raise TimeoutError
        return -self.wrong

    def run(self, after=5.0):
        """Five seconds later; what is said against it."""
        self.ticks += after
        try:
            self.probe(self.visitor)
        except ProbeFailed as failed:
            assert failed.unit is None
            return failed.text
        return None


def test_a_clock_that_is_right_is_right_and_sources_are_asked_rarely():
    server = Server("ptbtime1.ptb.de")
    for _ in range(int(EVERY // 5)):
        assert server.run() is None
    assert server.asked == ["ptbtime1.ptb.de"]
    server.run(10)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (-(ALARM + 20), "140 s behind its time source, from 5 min on PCs refuse log-on"),
        (ALARM + 20, "140 s ahead of its time source"),
        (-3600, "60 min behind its time source, PCs refuse log-on"),
    ],
)
def test_a_wrong_one_is_told_with_what_to_do(wrong, words):
    server = Server("ptbtime1.ptb.de")
    server.wrong = wrong
    said = server.run()
    assert said.startswith(f"the clock is {words}")
    assert "systemctl restart" in said


def test_a_little_is_nothing():
    server = Server("ptbtime1.ptb.de")
    server.wrong = ALARM - 1
    assert server.run() is None


def test_a_clock_that_is_set_by_hand_is_seen_at_the_next_look_and_so_is_its_repair():
    """Without asking anybody: the clock is compared with itself."""
    server = Server("ptbtime1.ptb.de")
    assert server.run() is None
    server.wrong = 400
    assert "ahead of" in server.run()
    server.wrong = 0
    assert server.run() is None
    assert len(server.asked) == 1


def test_while_it_is_wrong_its_source_is_asked_more_often():
    server = Server("ptbtime1.ptb.de")
    server.wrong = 400
    for _ in range(int(2 * AGAIN // 5)):
        assert server.run() is not None
    assert 2 <= len(server.asked) <= 4


def test_a_source_that_is_silent_is_passed_over_and_none_at_all_is_no_failure():
    server = Server("a.example", "b.example")
    server.silent = {"a.example"}
    server.wrong = 400
    assert server.run() is not None
    assert server.asked == ["a.example", "b.example"]
    offline = Server("a.example")
    offline.silent = {"a.example"}
    for _ in range(int(AGAIN // 5)):
        assert offline.run() is None
    assert len(offline.asked) == 1


def test_what_was_known_stays_known_when_the_school_is_cut_off():
    server = Server("a.example")
    server.run()
    server.silent = {"a.example"}
    server.run(EVERY)
    assert server.run() is None
    server.wrong = -200
    assert "200 s behind" in server.run()


def test_a_name_that_takes_its_time_is_not_waited_for():
    """Without the way out, a resolver answers late; status must not turn red for that, nor ask twice at once."""
    server, gone = Server("a.example"), threading.Event()
    server.visitor = replace(server.visitor, timeout=0.01)

    def slow(host, _seconds):
        server.asked.append(host)
        gone.wait(10)
        return 0.0

    server.probe = ClockProbe(slow, lambda: 1.7e9 + server.ticks, lambda: server.ticks)
    assert server.run() is None
    assert server.run() is None
    gone.set()
    assert server.asked == ["a.example"]


def test_without_a_setting_the_machines_own_time_service_is_asked():
    server = Server()
    server.run()
    assert server.asked == ["127.0.0.1"]
