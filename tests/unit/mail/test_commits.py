"""Who waits at the same moment shares a batch; who fails, fails alone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.mail.commits import AT_ONCE, Commits
from appliance.mail.draft import StoreFailed
from appliance.mail.store import Parcel, Store


class Slow(Store):
    """A store whose first batch waits until it may go on."""

    def __init__(self, root):
        super().__init__(root, "host")
        self.batches = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.defect = False

    def place_all(self, messages):
        self.batches.append(len(messages))
        self.begun.set()
        assert self.go_on.wait(10)
        if self.defect and len(self.batches) == 1:
            raise RuntimeError("a defect")
        return super().place_all(messages)


def parcel(store, login, large=False):
    draft = store.draft()
    draft.add(b"x" * 1000)
    if large:
        draft.write()
        draft.add(b"y")
    return [Parcel(draft, (login,))]


def played(store, *logins):
    """Commit the first, and the others while it is on its way; what came of each."""

    async def play():
        with ThreadPoolExecutor(1) as thread, ThreadPoolExecutor(2) as threads:
            commits = Commits(store, thread, threads)
            first = asyncio.ensure_future(commits.commit(parcel(store, logins[0])))
            await asyncio.get_running_loop().run_in_executor(threads, store.begun.wait)
            others = [asyncio.ensure_future(commits.commit(parcel(store, login))) for login in logins[1:]]
            await asyncio.sleep(0)
            store.go_on.set()
            return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(play())


def test_those_that_come_meanwhile_are_one_batch(tmp_path) -> None:
    store = Slow(tmp_path)
    assert played(store, "fred", *["frida"] * 9) == [None] * 10
    assert store.batches == [1, 9]
    assert len(list(tmp_path.glob("*/new/*"))) == 10


def test_two_batches_are_on_their_way_and_the_rest_gathers(tmp_path) -> None:
    store = Slow(tmp_path)

    async def play():
        with ThreadPoolExecutor(AT_ONCE) as flushes, ThreadPoolExecutor(1) as threads:
            commits, all_of_them = Commits(store, flushes, threads), []
            for number in range(2):
                all_of_them.append(asyncio.ensure_future(commits.commit(parcel(store, f"fred{number}"))))
                await asyncio.get_running_loop().run_in_executor(threads, store.begun.wait)
                store.begun.clear()
            all_of_them += [asyncio.ensure_future(commits.commit(parcel(store, "frida"))) for _ in range(5)]
            await asyncio.sleep(0)
            store.go_on.set()
            return await asyncio.gather(*all_of_them)

    assert asyncio.run(play()) == [None] * 7
    assert store.batches == [1, 1, 5]


def test_one_that_fails_does_not_fail_its_neighbours(tmp_path) -> None:
    store = Slow(tmp_path)
    (tmp_path / "gina").touch()
    first, *others = played(store, "fred", "frida", "gina", "frida")
    assert [first, others[0], others[2]] == [None] * 3
    assert isinstance(others[1], StoreFailed)


def test_a_defect_is_told_to_its_batch_and_the_next_goes_on(tmp_path) -> None:
    store = Slow(tmp_path)
    store.defect = True
    first, second = played(store, "fred", "frida")
    assert isinstance(first, RuntimeError)
    assert second is None


def test_what_is_large_is_flushed_before(tmp_path) -> None:
    store = Slow(tmp_path)
    store.go_on.set()

    async def play():
        with ThreadPoolExecutor(1) as thread, ThreadPoolExecutor(1) as threads:
            await Commits(store, thread, threads).commit(parcel(store, "fred", large=True))

    asyncio.run(play())
    (file,) = tmp_path.glob("fred/new/*")
    assert file.stat().st_size == 1001
    (tmp_path / "frida").touch()
    with pytest.raises(StoreFailed):
        store.place(parcel(store, "frida", large=True))
