"""Work done by this process and a child of it."""

import os
import signal
from contextlib import closing

import pytest

from appliance.backup import in_two as module
from appliance.backup.in_two import in_two

MANY = range(200)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_all_is_done_once_by_two():
    found = list(in_two(lambda number: (number * number, os.getpid()), MANY))
    assert sorted(number for number, _ in found) == list(MANY)
    assert all(square == number * number for number, (square, _) in found)
    pids = {pid for _, (_, pid) in found}
    assert len(pids) == 2
    assert os.getpid() in pids
    assert all(gone(pid) for pid in pids - {os.getpid()})


@pytest.mark.parametrize("things", [[], [1], range(10)])
def test_a_few_are_done_here(things):
    assert list(in_two(lambda _: os.getpid(), things)) == [(one, os.getpid()) for one in things]


def test_one_core_has_no_child(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert {pid for _, pid in in_two(lambda _: os.getpid(), MANY)} == {os.getpid()}


@pytest.mark.parametrize("bad", [100, 101], ids=["here", "in the child"])
def test_what_is_raised_is_raised_here(bad):
    def work(number):
        if number == bad:
            raise OSError(5, "no disk")
        return number

    found = []
    with pytest.raises(OSError, match="no disk"), closing(in_two(work, MANY)) as done:
        found.extend(number for number, _ in done)
    assert bad not in found


def test_a_child_that_is_ended_leaves_nothing_undone():
    def work(number):
        if number == 101 and os.getpid() != mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    mine = os.getpid()
    assert sorted(number for number, _ in in_two(work, MANY)) == list(MANY)


def test_who_wants_no_more_leaves_no_child():
    done = in_two(lambda _: os.getpid(), MANY)
    pids = {pid for _, (_, pid) in zip(range(150), done, strict=False)}
    done.close()
    assert all(gone(pid) for pid in pids - {os.getpid()})


def test_a_child_whose_parent_is_gone_ends():
    """It hears that nobody listens, for it does not hold the other end itself."""
    ours, its = module.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        module._run(lambda number: "x" * 100_000, range(1000), ours, its)
        os._exit(7)
    its.close()
    ours.recv()
    ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
