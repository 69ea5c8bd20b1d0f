"""What systemd says of a unit, and what we make of it."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.supervisor.launcher.seam import State
from appliance.supervisor.launcher.systemd_state import Shown, unit_state

UNIT = "schoolserver-mail.service"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def state_of(load="loaded", active="active", sub="running", **more):
    return unit_state("mail", Shown(UNIT, load, active, sub, **more), NOW, 1000.0)


@pytest.mark.parametrize(
    ("active", "sub", "more", "expected"),
    [
        ("active", "running", {}, State.READY),
        ("reloading", "reload", {}, State.READY),
        ("reloading", "reload-signal", {}, State.READY),
        ("refreshing", "refresh", {}, State.READY),
        ("activating", "start-pre", {}, State.STARTING),
        ("activating", "start", {}, State.STARTING),
        ("activating", "auto-restart", {"result": "exit-code"}, State.PAUSING),
        ("activating", "auto-restart-queued", {"result": "signal"}, State.PAUSING),
        ("deactivating", "stop-sigterm", {}, State.STOPPING),
        ("deactivating", "stop-watchdog", {}, State.FAILING),
        ("deactivating", "stop-sigterm", {"result": "timeout"}, State.FAILING),
        ("inactive", "dead", {}, State.STOPPED),
        ("inactive", "dead", {"job": "start"}, State.WAITING),
        ("inactive", "dead", {"job": "stop"}, State.STOPPED),
        ("failed", "failed", {"result": "exit-code"}, State.STOPPED),
        ("failed", "failed", {"result": "start-limit-hit"}, State.STOPPED),
        ("something new", "", {}, State.FAILING),
    ],
)
def test_states(active, sub, more, expected):
    state = state_of(active=active, sub=sub, **more)
    assert state.state is expected
    assert state.healthy is (expected is State.READY)


def test_only_what_is_not_found_is_not_installed():
    assert not Shown(UNIT, "not-found", "inactive", "dead").installed
    for load in ("loaded", "masked", "error", "bad-setting"):
        assert Shown(UNIT, load, "inactive", "dead").installed


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"active": "inactive"}, ("stopped", f"systemctl start {UNIT}")),
        ({"active": "inactive", "load": "masked"}, (f"systemctl unmask {UNIT}",)),
        ({"active": "inactive", "load": "bad-setting"}, ("unit file cannot be used", f"systemctl status {UNIT}")),
        (
            {"active": "failed", "result": "exit-code", "exit_status": 2},
            ("wrong settings", "schoolserver check", f"systemctl start {UNIT}"),
        ),
        ({"active": "failed", "result": "exit-code", "exit_status": 1}, ("exit status 1", f"journalctl -u {UNIT}")),
        ({"active": "failed", "result": "exit-code"}, ("what must run before it failed", "schoolserver check")),
        (
            {"active": "failed", "result": "start-limit-hit", "exit_status": 1},
            ("again and again", "schoolserver check", f"systemctl reset-failed {UNIT} && systemctl start {UNIT}"),
        ),
        ({"active": "failed", "result": "signal", "exit_status": 9}, ("ended by SIGKILL",)),
        ({"active": "failed", "result": "signal", "exit_status": 99}, ("ended by signal 99",)),
        ({"active": "failed", "result": "watchdog", "exit_status": 6}, ("no sign of life",)),
        ({"active": "failed", "result": "brand-new"}, ("it failed (brand-new)",)),
    ],
)
def test_what_stands_still_says_why_and_what_to_do(shown, words):
    state = state_of(**{"sub": "", "text": "3 sessions", **shown})
    assert state.state is State.STOPPED
    for word in words:
        assert word in state.status
    assert "3 sessions" not in state.status  # its last words from when it lived


def test_what_systemd_starts_again_by_itself_asks_for_nothing():
    state = state_of(active="activating", sub="auto-restart", result="exit-code", exit_status=1)
    assert state.status == "exit status 1"


def test_its_own_words_while_it_serves():
    state = state_of(text="x" * 300, main_pid=7, restarts=4)
    assert state.status == "x" * 200
    assert (state.name, state.pid, state.restarts) == ("mail", 7, 4)
    assert state_of(active="activating", sub="start", text="x").status == ""  # said by the process before, perhaps
    assert state_of().pid is None


def test_since_does_not_follow_a_clock_that_is_set():
    """Both instants are monotonic, so that setting the clock moves no unit's age."""
    assert state_of(entered=400_000_000, changed=900_000_000).since == NOW - timedelta(seconds=600)
    assert state_of(active="failed", entered=400_000_000, changed=900_000_000).since == NOW - timedelta(seconds=100)
    assert state_of(entered=1_000_500_000).since == NOW  # rounding: never in the future
    assert state_of().since == NOW


def test_a_unit_that_serves_without_one_of_its_ports_is_not_well():
    sockets = (("smtp", "schoolserver-smtp.socket"), ("submissions", "schoolserver-submissions.socket"))
    state = state_of(text="2 of 2 workers", deaf=sockets)
    assert (state.state, state.serves, state.healthy) == (State.READY, True, False)
    for words in (
        "nothing listens for smtp: see systemctl status schoolserver-smtp.socket;",
        "nothing listens for submissions: see systemctl status schoolserver-submissions.socket;",
        f"then: systemctl restart {UNIT}",
    ):
        assert words in state.status


def test_a_unit_that_waits_for_its_only_port_says_which():
    state = state_of(active="inactive", sub="dead", deaf=(("submission", "schoolserver-mail.socket"),))
    assert not state.serves
    assert state.status.startswith("nothing listens for submission: see systemctl status schoolserver-mail.socket;")
