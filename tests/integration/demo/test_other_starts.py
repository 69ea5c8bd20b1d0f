"""Demos beside the usual one: an ordinary user's, below a long path, with the ports taken, or with a broken roster."""

import contextlib
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator

import pytest

from appliance.demo.place import PORTS
from tests.integration.demo.clients import Clients, letter
from tests.integration.demo.running import NOBODY, ROOT, RunningDemo, workspace
from tests.integration.demo.waiting import eventually

LONG = "a-folder-with-a-name/that-is-rather-long/and-then-one-more/because-people-do-that/state"


@pytest.fixture(scope="module")
def small_roster() -> str:
    """Eight lines of the demo's roster: the same school, up in half the time."""
    lines = (ROOT / "etc" / "demo" / "roster.csv").read_text(encoding="utf-8").splitlines()
    teachers = [line for line in lines if ";Lehrer" in line]
    return "\n".join([*lines[:6], *teachers[:2], ""])


@pytest.fixture(scope="module")
def others(small_roster: str) -> Iterator[RunningDemo]:
    """A demo of an ordinary user (where the tests run as root: of nobody), with a path too long for sockets."""
    with workspace() as folder, contextlib.ExitStack() as held:
        for port in PORTS.values():
            with contextlib.suppress(OSError):  # the usual demo has it already
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        roster = folder / "roster.csv"
        roster.write_text(small_roster, encoding="utf-8")
        uid = NOBODY if os.geteuid() == 0 else None
        running = RunningDemo(folder, state=LONG, uid=uid, options=["--roster", str(roster)])
        try:
            yield running.start()
        finally:
            running.clear_away()


def test_an_ordinary_user_needs_no_rights(others: RunningDemo) -> None:
    """Issue 2, "Done when": it comes up and proves itself as an ordinary user; he is told what that means."""
    assert "ordinary user" in others.said
    assert "FAILED" not in others.said
    assert others.said.count("passed") >= 5
    own = os.geteuid() if others.uid is None else others.uid
    assert {process.uids().real for process in others.processes()} == {own}


def test_an_ordinary_users_demo_works_as_any_other(others: RunningDemo) -> None:
    """The same contract: mail from pupil to teacher, status, a lock."""
    clients = Clients(others)
    pupil = others.accounts["fred.mustermann"]
    teacher = next(account for account in others.accounts.values() if account.role == "teacher")
    assert clients.run("status").returncode == 0
    sent = letter(pupil, teacher)
    clients.send(pupil, teacher, sent)
    assert len(clients.read(teacher, str(sent["Subject"]).split()[-1])) == 1
    clients.done("users", "lock", pupil.login, "--reason", "trying it out")
    assert clients.smtp_answer(pupil)[0] == 535
    clients.done("users", "unlock", pupil.login)


def test_a_port_in_use_is_left_to_its_owner(demo: RunningDemo, others: RunningDemo) -> None:
    """Issue 2, bad input: somebody else listens on the preferred port, so another is taken."""
    assert not {port for _host, port in others.contract["services"].values()} & set(PORTS.values())
    ours = {tuple(address) for address in demo.contract["services"].values()}
    theirs = {tuple(address) for address in others.contract["services"].values()}
    assert not ours & theirs


def test_a_path_too_long_for_sockets_is_said_and_dealt_with(others: RunningDemo) -> None:
    """AF_UNIX names have 107 bytes: the sockets go elsewhere, closed to others, and the user is told where."""
    note = re.search(r"too long for sockets, they are in (\S+) until", others.said)
    assert note
    assert others.contract["control"].startswith(note[1])
    assert len(others.contract["control"]) < 107
    for place in others.runtime.rglob("*"):
        if stat.S_ISSOCK(place.stat().st_mode) and place.name.endswith(".sock"):
            closed = [place, *place.parents][: 1 + len(place.relative_to(others.runtime).parts)]
            assert any(stat.S_IMODE(one.stat().st_mode) & 0o007 == 0 for one in closed), place


def test_ctrl_c_leaves_nothing(others: RunningDemo) -> None:
    """Issue 2, "Done when": no process, no file outside the state folder, the sockets' place included."""
    runtime = others.runtime
    assert runtime.exists()
    assert len(others.processes()) > 5
    others.end(signal.SIGINT)
    eventually(lambda: others.processes() == [], what="no process is left")
    assert not others.ready_file.exists()
    assert not runtime.exists()
    assert os.listdir(others.folder / "temporary") == []
    assert os.listdir(others.folder / "home") == []
    assert "Traceback" not in others.said


def test_the_launcher_does_not_outlive_its_demo(others: RunningDemo) -> None:
    """Even kill -9 of the demo itself leaves no process behind."""
    others.start()
    assert len(others.processes()) > 5
    Clients(others).done("users", "lock", "fred.mustermann", "--reason", "trying it out")
    others.process.kill()
    others.process.wait()
    eventually(lambda: others.processes() == [], what="no process is left")
    others.ready_file.unlink()


def test_a_school_in_which_somebody_is_locked_starts_again(others: RunningDemo) -> None:
    """As its user left it: after a kill -9, and with the pupil locked whom the demo itself suggests to lock."""
    others.start()
    assert "FAILED" not in others.said
    assert {Clients(others).smtp_answer(one)[0] for one in others.accounts.values()} == {235}
    assert others.end() == 0


def test_a_roster_that_cannot_be_read_ends_the_demo_with_its_problems() -> None:
    """STYLE.md, rule 5: file, line and what is wrong; exit code 1 and nothing left running."""
    with workspace() as folder:
        roster = folder / "roster.csv"
        roster.write_text("Import-ID;Vorname;Nachname;Rolle\n1;Fred;Mustermann;Schüler\n1;Emma;Jäger;Schüler\n")
        running = RunningDemo(folder, options=["--roster", str(roster)])
        try:
            with pytest.raises(AssertionError, match="ended by itself"):
                running.start()
            assert running.end() == 1
            assert "roster.csv" in running.said
            assert "Traceback" not in running.said
            assert running.processes() == []
        finally:
            running.clear_away()
