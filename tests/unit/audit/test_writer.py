"""The bounded queue before the disk: what it drops it counts, what it keeps is written in order."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from appliance.audit.store import StoreError
from appliance.audit.writer import Writer
from appliance.policy.events import Event, Kind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(login):
    return Event(Kind.PASSWORD_CHANGED, NOW, {"login": login})


class Slow:
    """A store at the seam that waits until it is let go, and fails as often as it is told to."""

    def __init__(self, failures=0):
        self.kept, self.failures, self.go = [], failures, threading.Event()

    def wants(self, one):
        return one.fields["login"] != "unwanted"

    def write(self, events):
        self.go.wait(10)
        if self.failures:
            self.failures -= 1
            raise StoreError("No space left on device")
        self.kept += [one.fields["login"] for one in events]


def run(scenario, store, limit):
    async def inside():
        said = []
        with ThreadPoolExecutor(1) as executor:
            writer = Writer(store, executor, limit, lambda: said.append(writer.problem))
            await scenario(writer)
            await writer.stop()
        return writer, said

    return asyncio.run(inside())


def test_more_than_the_limit_is_dropped_and_counted():
    store = Slow()

    async def scenario(writer):
        for number in range(15):
            writer.put(event(str(number)))
        assert (writer.waiting, writer.dropped) == (10, 5)
        store.go.set()

    writer, said = run(scenario, store, 10)
    assert store.kept == [str(number) for number in range(10)]
    assert (writer.written, writer.waiting, writer.dropped, said) == (10, 0, 5, [])


def test_what_the_store_does_not_want_is_not_counted():
    store = Slow()
    store.go.set()

    async def scenario(writer):
        writer.put(event("unwanted"))

    writer, _ = run(scenario, store, 10)
    assert (writer.written, writer.dropped, store.kept) == (0, 0, [])


def test_a_failure_is_told_and_nothing_is_written_twice():
    store = Slow(failures=1)

    async def scenario(writer):
        writer.put(event("a"))
        store.go.set()
        while not writer.problem:
            await asyncio.sleep(0)
        writer.put(event("b"))
        writer._ending.set()  # as the end does: it is tried again at once

    writer, said = run(scenario, store, 10)
    assert store.kept == ["a", "b"]
    assert said == ["No space left on device", ""]
    assert (writer.written, writer.dropped) == (2, 0)


def test_what_the_disk_refuses_until_the_end_is_counted_as_dropped():
    store = Slow(failures=99)
    store.go.set()

    async def scenario(writer):
        for number in range(3):
            writer.put(event(str(number)))

    writer, said = run(scenario, store, 10)
    assert (writer.written, writer.dropped, store.kept) == (0, 3, [])
    assert said[0] == "No space left on device"


def test_whoever_waits_until_all_is_written_finds_it_written_or_not_to_be():
    async def scenario(writer):
        await writer.settle()
        writer.put(event("a"))
        waiting = asyncio.ensure_future(writer.settle())
        await asyncio.sleep(0)
        assert not waiting.done()
        store.go.set()
        await waiting
        if failures:
            assert (store.kept, writer.waiting) == ([], 1)
        else:
            assert (store.kept, writer.waiting) == (["a"], 0)

    for failures in (0, 1):
        store = Slow(failures)
        run(scenario, store, 10)
