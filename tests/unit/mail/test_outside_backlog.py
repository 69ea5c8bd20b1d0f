"""All mail that waits to go outside has one bound, whoever wrote it."""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from appliance.mail.outside.backlog import Backlog


class Threads(Executor):
    """Looks when it is told to."""

    def __init__(self) -> None:
        self.asked = []

    def submit(self, call, /, *arguments):
        future: Future = Future()
        self.asked.append((future, call, arguments))
        return future

    def work(self) -> None:
        for future, call, arguments in self.asked:
            future.set_result(call(*arguments))
        self.asked = []


@pytest.fixture
def threads() -> Threads:
    return Threads()


@pytest.fixture
def spool(tmp_path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path


def letter(spool: Path, name: str, size: int) -> Path:
    path = spool / "new" / name
    path.write_bytes(bytes(size))
    return path


def test_what_lies_there_counts_from_the_start_and_what_is_added_at_once(spool, threads) -> None:
    letter(spool, "a", 60)
    backlog = Backlog(spool, 100, threads, lambda: 0.0)
    assert not backlog.refuses(40) and backlog.refuses(41)
    backlog.take(30)
    assert not backlog.refuses(10) and backlog.refuses(11)
    backlog.take(-30)
    assert not backlog.refuses(40)
    backlog.most = 99
    assert backlog.refuses(40)


def test_what_others_add_and_what_left_is_seen_within_a_second(spool, threads) -> None:
    now = 0.0
    backlog = Backlog(spool, 100, threads, lambda: now)
    left = letter(spool, "of another worker", 100)
    assert not backlog.refuses(100) and not threads.asked
    now = 1.0
    assert not backlog.refuses(100)
    threads.work()
    assert backlog.refuses(1)
    left.unlink()
    now = 2.0
    assert backlog.refuses(1)
    threads.work()
    assert not backlog.refuses(100)


def test_what_is_being_written_while_it_is_looked_at_is_not_forgotten(spool, threads) -> None:
    now = 1.0
    backlog = Backlog(spool, 100, threads, lambda: now)
    backlog.take(80)
    now = 2.0
    backlog.refuses(0)
    threads.work()  # its file has no name yet
    assert backlog.refuses(21)
    letter(spool, "a", 80)
    backlog.placed(80)
    assert not backlog.refuses(20) and backlog.refuses(21)
    now = 3.0
    backlog.refuses(0)
    threads.work()
    assert not backlog.refuses(20) and backlog.refuses(21)


def test_what_is_there_counts_once_as_soon_as_it_was_found(spool, threads) -> None:
    now = 1.0
    backlog = Backlog(spool, 100, threads, lambda: now)
    backlog.take(60)
    letter(spool, "a", 60)
    backlog.placed(60)
    now = 2.0
    assert not backlog.refuses(40) and backlog.refuses(41)
    threads.work()
    assert not backlog.refuses(40) and backlog.refuses(41)


def test_it_tells_the_carer_once_and_names_nobody(spool, threads, caplog) -> None:
    letter(spool, "a", 101)
    backlog = Backlog(spool, 100, threads, lambda: 0.0)
    with caplog.at_level(logging.ERROR):
        assert backlog.refuses(1) and backlog.refuses(1)
    assert caplog.messages == ["101 bytes wait to go outside: no more is taken (mail.yaml outside.spool_max)"]


def test_without_a_spool_nothing_waits(tmp_path, threads) -> None:
    assert not Backlog(tmp_path / "none", 100, threads).refuses(100)
