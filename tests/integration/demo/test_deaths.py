"""Every process dies once, and nobody who wants in is turned away meanwhile (issue 2, "Done when").

What is killed is what was found running: a process that a later version adds is killed as well.
"""

import contextlib
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.demo.clients import PATIENCE, Clients, letter
from tests.integration.demo.knocking import Knocker
from tests.integration.demo.running import Account, Part, RunningDemo
from tests.integration.demo.waiting import eventually

UNITS = {
    "audit": "appliance.audit",
    "privileged": "appliance.privileged",
    "directory": "slapd",
    "ldap-port": "systemd-socket-proxyd",
    "auth": "appliance.auth",
    "supervisor": "appliance.supervisor",
    "mail": "appliance.mail",
    "outbound": "appliance.mail.outside",
    "imap": "dovecot",
    "autoconfig": "appliance.autoconfig",
    "fileshare": "appliance.fileshare",
    "proxy": "appliance.proxy",
}
"""Unit -> what its own process runs."""
BACK_WITHIN = 20.0
WELL_WITHIN = 40.0


def test_the_list_of_units_is_whole(clients: Clients) -> None:
    """A unit that is added later must be killed here, too."""
    assert {unit["name"] for unit in clients.status()["units"]} == set(UNITS)


@pytest.mark.parametrize("unit", UNITS)
def test_each_process_comes_back_and_no_connection_is_refused(
    unit: str, fred: Account, teacher: Account, demo: RunningDemo, clients: Clients
) -> None:
    """kill -9 of the unit's own process and of each below it, one after the other; mail works right afterwards."""
    eventually(clients.healthy, WELL_WITHIN)
    killed = []
    with Knocker(demo).knocking() as knocker:
        for role in _roles_of(demo, _pid_of(demo, unit)):
            part = _in_role(demo, unit, role)
            if part is None:
                continue  # it is started when it is needed, and ended with the one killed before
            killed.append(role)
            _kill(part.pid)
            eventually(lambda: _greets(demo), BACK_WITHIN, f"a client is served after the death of {role}")
            eventually(lambda part=part: _replaced(demo, part), BACK_WITHIN, f"{role} is back")
            eventually(lambda part=part: _orphans(demo, part) == [], BACK_WITHIN, f"nothing is left of {role}")
        eventually(lambda: clients.smtp_answer(fred)[0] == 235, BACK_WITHIN, "a pupil signs in")
        sent = letter(fred, teacher)
        clients.send(fred, teacher, sent)
        assert len(clients.read(teacher, str(sent["Subject"]).split()[-1])) == 1
        eventually(clients.healthy, WELL_WITHIN, f"status is well after {killed}")
    assert killed
    assert knocker.refused == []
    assert min(knocker.attempts.values()) > 10


def test_a_client_that_comes_in_the_gap_is_served(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """The sockets are the launcher's: who connects while mail is dead waits a moment and gets the greeting."""
    pid = _pid_of(demo, "mail")
    for part in demo.parts():
        if part.unit_pid == pid:
            _kill(part.pid)
    with clients.smtp(fred) as client:
        assert client.noop()[0] == 250
    eventually(clients.healthy, WELL_WITHIN)


def test_a_worker_that_hangs_is_seen_and_replaced(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 8: SIGSTOP of the mail worker turns status red (exit code 1) within 30 s; it recovers by itself."""
    parent = _pid_of(demo, "mail")
    worker = next(part.pid for part in demo.parts() if part.unit_pid == parent and part.pid != parent)
    os.kill(worker, signal.SIGSTOP)
    try:
        eventually(lambda: clients.run("status").returncode == 1, what="status is red")
        eventually(clients.healthy, what="status is well again")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)
    assert clients.smtp_answer(fred)[0] == 235


def test_a_directory_that_does_not_answer_is_a_temporary_failure(
    fred: Account, somebody: Callable[[], Account], demo: RunningDemo, clients: Clients
) -> None:
    """STYLE.md, rule 3: a temporary failure is not a refusal, on SMTP, on IMAP and for ``passwd``."""
    pupil = somebody()
    slapd = _pid_of(demo, "directory")
    os.kill(slapd, signal.SIGSTOP)
    try:
        code, text = clients.smtp_answer(fred)
        assert (code, text[:5]) == (454, "4.7.0")
        assert "UNAVAILABLE" in clients.imap_answer(fred)
        change = clients.run("passwd", pupil.login, "--stdin", stdin=f"{pupil.password}\nKranich-und-7-Zebras\n")
        assert change.returncode == 1
        assert "at the moment" in change.stderr
        eventually(lambda: clients.run("status").returncode == 1, what="status is red")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(slapd, signal.SIGCONT)
    eventually(lambda: clients.opens(fred), BACK_WITHIN, "sign-ins work again")
    assert clients.opens(pupil)
    eventually(clients.healthy, WELL_WITHIN, "status is well again")


def test_a_session_that_is_open_goes_on_without_the_directory(
    fred: Account, teacher: Account, demo: RunningDemo, clients: Clients
) -> None:
    """ARCHITECTURE.md: a service goes on with the last snapshot when the directory is down."""
    slapd = _pid_of(demo, "directory")
    sent = letter(fred, teacher)
    with clients.smtp(fred) as smtp, clients.imap(teacher) as imap:
        os.kill(slapd, signal.SIGSTOP)
        try:
            smtp.send_message(sent, fred.address, [teacher.address])
            imap.noop()
            found = imap.search(None, "SUBJECT", str(sent["Subject"]).split()[-1])[1][0].split()
        finally:
            os.kill(slapd, signal.SIGCONT)
        assert len(found) == 1
        imap.store(found[0], "+FLAGS", "\\Deleted")
        imap.expunge()
    eventually(clients.healthy, WELL_WITHIN)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _pid_of(demo: RunningDemo, unit: str) -> int:
    """The unit's own process, once it has one."""

    def found() -> int | None:
        return next((part.pid for part in demo.parts() if part.role == f"unit {UNITS[unit]}"), None)

    return eventually(found, BACK_WITHIN, f"{unit} runs")


def _roles_of(demo: RunningDemo, unit_pid: int) -> list[str]:
    """What the unit's processes do, its own one last: those below it are replaced by it."""
    roles = Counter(part.role for part in demo.parts() if part.unit_pid == unit_pid)
    assert roles, f"no process of {unit_pid}"
    return sorted(roles, key=lambda role: role.startswith("unit"))


def _in_role(demo: RunningDemo, unit: str, role: str) -> Part | None:
    unit_pid = _pid_of(demo, unit)
    return next((part for part in demo.parts() if part.unit_pid == unit_pid and part.role == role), None)


def _replaced(demo: RunningDemo, dead: Part) -> bool:
    """Whether another does what ``dead`` did, or nobody needs to at the moment (Dovecot starts some when asked)."""
    parts = demo.parts()
    on_demand = "dovecot" in dead.role and dead.role.startswith("child")
    return all(part.pid != dead.pid for part in parts) and (on_demand or any(part.role == dead.role for part in parts))


def _orphans(demo: RunningDemo, dead: Part) -> list[Part]:
    """What still runs below a unit's own process that is dead: two of a kind would serve the same mailboxes."""
    return [part for part in demo.parts() if part.unit_pid == dead.pid]


def _shown_as_well(demo: RunningDemo, clients: Clients, unit: str) -> bool:
    """Whether status is well and knows the unit's new process."""
    answer = clients.status()
    pid = next(one["pid"] for one in answer["units"] if one["name"] == unit)
    return answer["healthy"] and pid == _pid_of(demo, unit)


def _greets(demo: RunningDemo) -> bool:
    """Whether submission and IMAP each say good day to a new client."""
    for name in ("submission", "imap"):
        with socket.create_connection(demo.service(name), timeout=PATIENCE) as client:
            if not client.recv(4096):
                return False
    return True
