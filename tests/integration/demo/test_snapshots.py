"""The published policy, damaged or put back on the disk: a service keeps the one it runs with."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.demo.clients import Clients, letter
from tests.integration.demo.running import Account, RunningDemo
from tests.integration.demo.waiting import eventually

AT_ONCE = 2.0

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the snapshot of another user's service is damaged by root")


@pytest.fixture
def snapshot(demo: RunningDemo, clients: Clients) -> Iterator[Path]:
    yield demo.runtime / "snapshots" / "mail.snapshot"
    eventually(clients.healthy, what="well afterwards")


def test_a_cut_snapshot_changes_nothing(
    snapshot: Path,
    fred: Account,
    teacher: Account,
    somebody: Callable[[], Account],
    demo: RunningDemo,
    clients: Clients,
) -> None:
    """Mail goes on with the whole one, says so once in its journal, and takes the next one that is whole."""
    pupil = somebody()
    log = demo.state / "lib" / "log" / "mail.log"
    lines = len(log.read_text().splitlines())
    snapshot.write_bytes(snapshot.read_bytes()[:-100])
    said = eventually(lambda: log.read_text().splitlines()[lines:], what="the journal tells of it")
    assert len(said) == 1
    assert "snapshot" in said[0]
    sent = letter(fred, teacher)
    clients.send(fred, teacher, sent)
    assert len(clients.read(teacher, str(sent["Subject"]).split()[-1])) == 1
    with _locked(clients, pupil):
        eventually(lambda: clients.smtp_answer(pupil)[0] == 535, AT_ONCE, "the lock counts")
    eventually(lambda: clients.opens(pupil), AT_ONCE)


def test_an_older_snapshot_does_not_lift_a_lock(
    snapshot: Path, somebody: Callable[[], Account], clients: Clients
) -> None:
    """Versions only grow: what was published before the lock is not believed again."""
    pupil = somebody()
    older = snapshot.read_bytes()
    with clients.smtp(pupil) as before, _locked(clients, pupil, "--service", "mail"):
        before.sock.settimeout(AT_ONCE)
        assert before.getreply()[0] == 421
        before.close()
        snapshot.write_bytes(older)
        teller = clients.run("explain", pupil.login, "mail")
        assert teller.stdout.startswith("DENIED")
        assert [clients.smtp_answer(pupil)[0] for _ in range(3)] == [535] * 3
    eventually(lambda: clients.opens(pupil), AT_ONCE, "open again after the unlock")


@contextmanager
def _locked(clients: Clients, pupil: Account, *service: str) -> Iterator[None]:
    clients.done("users", "lock", pupil.login, *service, "--reason", "trying it out")
    try:
        yield
    finally:
        clients.done("users", "unlock", pupil.login, *service)
