"""One demo school for nearly all tests of this folder: it takes about ten seconds to start.

A test that changes an account takes one of its own from ``somebody``; what it does to the server it puts right again.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.demo.clients import Clients
from tests.integration.demo.running import Account, RunningDemo, workspace

_ROOM = 128 * 1024 * 1024
_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(scope="session")
def demo() -> Iterator[RunningDemo]:
    with workspace() as folder:
        running = RunningDemo(folder)
        running.small_disk = _mount_small_disk(running.state / "srv" / "mail")
        try:
            yield running.start()
        finally:
            running.clear_away()
            if running.small_disk is not None:
                _libc.umount2(bytes(running.small_disk), _DETACH)


@pytest.fixture(scope="session")
def clients(demo: RunningDemo) -> Clients:
    return Clients(demo)


@pytest.fixture(scope="session")
def teacher(demo: RunningDemo) -> Account:
    return next(account for account in demo.accounts.values() if account.role == "teacher")


@pytest.fixture(scope="session")
def fred(demo: RunningDemo) -> Account:
    """A pupil whom no test changes."""
    demo.taken.add("fred.mustermann")
    return demo.accounts["fred.mustermann"]


@pytest.fixture(scope="session")
def somebody(demo: RunningDemo, fred: Account) -> Callable[[], Account]:
    """Gives a pupil whom no other test uses."""

    def give() -> Account:
        found = next(one for one in demo.accounts.values() if one.role == "pupil" and one.login not in demo.taken)
        demo.taken.add(found.login)
        return found

    return give


def _mount_small_disk(place: Path) -> Path | None:
    """A disk of its own for mail, small enough to be filled; only root can have that."""
    if os.geteuid() != 0:
        return None
    place.mkdir(parents=True)
    for folder in (place, *place.parents[:2]):
        folder.chmod(0o755)
    mounted = _libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, f"size={_ROOM},mode=755".encode())
    return place if mounted == 0 else None
