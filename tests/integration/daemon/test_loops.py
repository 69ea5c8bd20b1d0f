"""One suite for every loop: what the skeleton asks of it, a timer and a wake-up."""

import asyncio
import os
import signal
import threading
import time

import pytest
from twisted.internet.epollreactor import EPollReactor

from appliance.daemon.asyncio_loop import AsyncioLoop
from appliance.daemon.twisted_loop import TwistedLoop


class OnAsyncio:
    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self.loop = AsyncioLoop(self._loop)

    def run(self):
        self._loop.run_forever()

    def stop(self):
        self._loop.stop()

    def close(self):
        self._loop.close()


class OnTwisted:
    def __init__(self):
        self._reactor = EPollReactor()
        self.loop = TwistedLoop(self._reactor)

    def run(self):
        self._reactor.run(installSignalHandlers=False)

    def stop(self):
        self._reactor.stop()

    def close(self):
        pass


@pytest.fixture(params=[OnAsyncio, OnTwisted])
def on(request):
    one = request.param()
    one.loop.call_later(10, lambda: pytest.fail("the test did not end"))
    yield one
    one.close()


def test_timers_run_once_in_order_and_not_early(on):
    began = time.monotonic()
    seen = []
    on.loop.call_later(0.06, on.stop)
    on.loop.call_later(0.04, lambda: seen.append(("second", time.monotonic() - began)))
    on.loop.call_later(0.02, lambda: seen.append(("first", time.monotonic() - began)))
    on.run()
    assert [name for name, _ in seen] == ["first", "second"]
    assert seen[0][1] >= 0.019
    assert seen[1][1] >= 0.039


def test_a_cancelled_timer_does_not_run_and_cancelling_twice_or_late_is_harmless(on):
    seen = []
    cancel = on.loop.call_later(0.01, lambda: seen.append("cancelled"))
    late = on.loop.call_later(0.0, lambda: seen.append("ran"))
    cancel()
    cancel()
    on.loop.call_later(0.03, on.stop)
    on.run()
    late()
    assert seen == ["ran"]


def test_a_timer_may_set_a_timer(on):
    seen = []

    def again():
        seen.append(1)
        if len(seen) == 3:
            on.stop()
        else:
            on.loop.call_later(0, again)

    on.loop.call_later(0, again)
    on.run()
    assert len(seen) == 3


def test_wake_from_a_thread_runs_in_the_loop_in_order(on):
    seen = []

    def call():
        for number in range(50):
            on.loop.wake(lambda number=number: seen.append((number, threading.current_thread())))
        on.loop.wake(on.stop)

    thread = threading.Thread(target=call)
    on.loop.call_later(0, thread.start)
    on.run()
    thread.join()
    assert [number for number, _ in seen] == list(range(50))
    assert {thread for _, thread in seen} == {threading.current_thread()}


def test_wake_from_a_signal_handler_ends_the_waiting(on):
    began = time.monotonic()
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: on.loop.wake(on.stop))
    thread = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    thread.start()
    try:
        on.run()
    finally:
        signal.signal(signal.SIGUSR1, before)
        thread.join()
    assert time.monotonic() - began < 5


def test_a_callback_that_raises_does_not_end_the_loop(on):
    seen = []

    def bad():
        raise ZeroDivisionError

    on.loop.wake(bad)
    on.loop.call_later(0, bad)
    on.loop.call_later(0.02, lambda: seen.append("still here"))
    on.loop.call_later(0.03, on.stop)
    on.run()
    assert seen == ["still here"]
