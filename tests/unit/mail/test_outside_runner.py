"""Which message is tried when, with an empty road, a blocked one, and a disk that takes nothing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.mail.draft import StoreFailed
from appliance.mail.envelope import Asked
from appliance.mail.outside.attempts import Patience, Standing
from appliance.mail.outside.courier import Result, Route
from appliance.mail.outside.envelope import Queued, line
from appliance.mail.outside.runner import Runner
from appliance.mail.outside.spool import Item, Spool
from appliance.mail.party import OutsideRecipient
from appliance.policy.account import Role
from appliance.policy.events import Event, validate
from appliance.policy.mailing import MailRules

PATIENCE = Patience(timedelta(minutes=5), timedelta(hours=1), timedelta(hours=4), timedelta(days=3))
TEACHERS = MailRules(sends_outside=frozenset({Role.TEACHER}))


class Courier:
    """Does with each message what it is told; ``did`` is what it was asked for."""

    def __init__(self, spool: Spool) -> None:
        self.spool, self.did = spool, []
        self.answer: Callable[[Standing, str], Result] = lambda _at, _deed: Result(
            None, ("a@home.example",), tried=True
        )

    def _done(self, what: str, item: Item, standing: Standing) -> Result:
        deed = f"{what} {item.queued.identity}"
        self.did.append(deed)
        result = self.answer(standing, deed)
        if result.standing is None:
            self.spool.remove(item)
        return result

    def attempt(self, item: Item, standing: Standing, _route: Route, may: Callable[[], bool]) -> Result:
        assert may()
        return self._done("attempt", item, standing)

    def age(self, item: Item, standing: Standing, _route: Route) -> Result:
        return self._done("age", item, standing)

    def give_up(self, item: Item, standing: Standing, status: str, _route: Route) -> Result:
        return self._done(f"give-up-{status}", item, standing)

    def forget(self, item: Item) -> None:
        self._done("forget", item, Standing((0,), datetime.now(UTC)))


class Scene:
    """A spool, whose messages are of ``frida`` unless it is said."""

    def __init__(self, folder: Path, snapshot) -> None:
        folder.mkdir()
        self.folder, self.snapshot = folder, snapshot
        self.spool = Spool(folder)
        self.spool.make()
        self.courier = Courier(self.spool)
        self.events: list[Event] = []

    def put(self, identity: str, login: str = "frida", age: timedelta = timedelta(0)) -> None:
        to = (OutsideRecipient("a@home.example", Asked()),)
        sender = f"{login}@schule.example"
        queued = Queued(identity=identity, login=login, sender=sender, recipients=to, arrived=datetime.now(UTC) - age)
        (self.folder / "new" / identity).write_bytes(line(queued) + b"Subject: x\r\n\r\n")

    def turn(self, *deeds: str, seconds: float = 5.0) -> Runner:
        """Let it run until it has done ``deeds`` and nothing is under way."""

        async def run() -> Runner:
            route = Route(domain="schule.example", patience=PATIENCE, way=lambda: None, key=None)
            with ThreadPoolExecutor(4) as threads:
                runner = Runner(
                    self.spool, self.courier, threads, lambda: route, lambda: self.snapshot, self.events.append
                )
                task = asyncio.ensure_future(runner.run())

                async def done() -> None:
                    while not set(deeds) <= set(self.courier.did):
                        runner.wake()
                        await asyncio.sleep(0)
                    await runner.finish()

                await asyncio.wait_for(done(), seconds)
                task.cancel()
            return runner

        return asyncio.run(run())


@pytest.fixture
def scene(tmp_path, make_snapshot, new_account) -> Scene:
    snapshot = make_snapshot(new_account("frida", Role.TEACHER), new_account("fred"))
    return Scene(tmp_path / "s", replace(snapshot, mail=TEACHERS))


def test_each_message_is_sent_and_recorded(scene) -> None:
    for number in range(7):
        scene.put(f"m{number}")
    runner = scene.turn(*(f"attempt m{number}" for number in range(7)))
    assert not runner.waiting and not scene.spool.names() and len(scene.courier.did) == 7
    for event in scene.events:
        validate(event)
    assert {event.fields["message_id"] for event in scene.events} == {f"m{number}" for number in range(7)}


def test_who_may_not_gets_it_back_and_nobody_hears_nothing(scene) -> None:
    scene.put("m1", "fred")
    scene.put("m2", "gone")
    scene.turn("give-up-5.7.2 m1", "forget m2")
    assert len(scene.courier.did) == 2


def test_while_the_road_is_blocked_one_is_tried(scene) -> None:
    scene.courier.answer = lambda standing, _deed: Result(standing, problem="closed", tried=True)
    for number in range(5):
        scene.put(f"m{number}")
    runner = scene.turn("attempt m0")
    assert len(scene.courier.did) <= 4 and runner.out.problem == "closed"
    assert runner.out.again > datetime.now(UTC) and len(runner.waiting) == 5
    assert all(one.standing.tries == 0 for one in runner.waiting.values())


def test_what_is_late_is_told_although_the_road_is_blocked(scene) -> None:
    def answer(standing: Standing, deed: str) -> Result:
        late = replace(standing, told=True)
        return Result(late) if deed.startswith("age") else Result(standing, problem="x", tried=True)

    scene.courier.answer = answer
    scene.put("m1", age=timedelta(hours=5))
    runner = scene.turn("attempt m1", "age m1")
    assert runner.waiting["m1"].standing.told and scene.courier.did.count("age m1") == 1


@pytest.mark.parametrize("error", [StoreFailed("full"), OSError(28, "no space"), ValueError("a defect")])
def test_a_message_with_which_nothing_can_be_done_holds_up_no_other(scene, error) -> None:
    def answer(_standing: Standing, deed: str) -> Result:
        if deed == "attempt bad":
            raise error
        return Result(None, tried=True)

    scene.courier.answer = answer
    scene.put("bad", age=timedelta(days=4))
    runner = scene.turn("attempt bad")
    scene.put("good")
    runner = scene.turn("attempt good")
    assert list(runner.waiting) == ["bad"] and scene.courier.did.count("attempt bad") == 2, "once in each turn"


def test_what_is_not_ours_stays_and_harms_nothing(scene) -> None:
    (scene.folder / "new" / "strange").write_bytes(b"what?\n")
    scene.put("m1")
    runner = scene.turn("attempt m1")
    assert not runner.waiting and scene.spool.names() == {"strange"}
