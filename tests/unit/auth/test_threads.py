"""Calls that block, in few threads: bounded, patient for a while, never in each other's way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from appliance.auth.threads import Busy, Threads


def test_result_and_error_come_back() -> None:
    def broken() -> None:
        raise KeyError("x")

    async def scene() -> None:
        threads = Threads(1, 1, 5.0)
        assert await threads.run(lambda: 7) == 7
        with pytest.raises(KeyError):
            await threads.run(broken)
        threads.close()

    asyncio.run(scene())


def test_a_slow_call_does_not_hold_up_the_others() -> None:
    async def scene() -> None:
        threads, gate = Threads(2, 30, 5.0), threading.Event()
        slow = asyncio.create_task(threads.run(gate.wait))
        assert await asyncio.gather(*(threads.run(lambda: 1) for _ in range(30))) == [1] * 30
        assert not slow.done()
        gate.set()
        assert await slow
        threads.close()

    asyncio.run(scene())


def test_a_full_queue_says_so_at_once_and_takes_again_afterwards() -> None:
    async def scene() -> None:
        threads, gate = Threads(1, 2, 5.0), threading.Event()
        tasks = [asyncio.create_task(threads.run(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await threads.run(lambda: 1)
        gate.set()
        assert await asyncio.gather(*tasks) == [True] * 3
        assert await threads.run(lambda: 1) == 1
        threads.close()

    asyncio.run(scene())


def test_nobody_waits_longer_than_the_patience_and_what_is_given_up_is_not_begun() -> None:
    async def scene() -> None:
        threads, gate, begun = Threads(1, 5, 0.05), threading.Event(), []
        tasks = [threads.run(gate.wait), threads.run(lambda: begun.append(1))]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Busy, Busy]
        gate.set()
        patient = Threads(1, 1, 5.0)
        threads.close()
        assert await patient.run(lambda: begun) == []
        patient.close()

    asyncio.run(scene())
