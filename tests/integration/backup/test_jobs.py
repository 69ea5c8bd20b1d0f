"""The privileged process starts copies and restores as processes of their own, and tells how they are."""

import asyncio
import os

import pytest

from appliance.daemon.request_server import Peer, RequestError
from appliance.privileged.backups import Backups
from appliance.privileged.names import Ids
from tests.integration.backup.conftest import UID

ME = Peer(os.getpid(), os.geteuid(), os.getegid())
IDS = Ids(0, 60_000)


class Asking:
    """The verbs, asked as the supervisor asks them."""

    def __init__(self, school):
        self.backups = Backups(school.etc)
        self._verbs = self.backups.verbs(lambda _peer: True, lambda: IDS)

    async def __call__(self, verb, **arguments):
        return await self._verbs[verb].handler(arguments, ME)

    async def outcome(self, verb, **arguments):
        """Follow a job to its end; what it said on the way, and its outcome."""
        job, seen, told = (await self(verb, **arguments))["job"], 0, []
        while True:
            state = await self("backup-follow", job=job, seen=seen)
            assert state["seen"] >= seen
            seen = state["seen"]
            told.append(state["progress"])
            if state["outcome"] is not None:
                return told, state["outcome"]


def test_a_copy_and_the_way_back(school):
    letter = school.put(school.home() / "letter")

    async def act():
        ask = Asking(school)
        told, made = await ask.outcome("backup-run")
        assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
        assert {"homes", "mail"} <= {text for _, _, text in told}
        name = made["result"]["snapshot"]
        assert (await ask.outcome("backup-list"))[1]["result"]["snapshots"] == [name]
        letter.unlink()
        wanted = {"login": "fred.mustermann", "uid": UID, "path": "letter", "date": None}
        came = (await ask.outcome("backup-restore", **wanted))[1]["result"]
        assert (letter.parent / came["folder"] / "letter").read_bytes() == b"mine"
        error = (await ask.outcome("backup-restore", **{**wanted, "path": "../x"}))[1]["error"]
        assert error["kind"] == "refused"
        for wrong in ({"login": "../fred"}, {"uid": 70_000}):
            with pytest.raises(RequestError, match="bad-argument"):
                await ask("backup-restore", **{**wanted, **wrong})
        with pytest.raises(RequestError, match="unknown-job"):
            await ask("backup-follow", job=99, seen=0)
        await ask.backups.stop()

    asyncio.run(act())


def test_stopped_with_the_privileged_process(bare):
    bare.configure(bandwidth="64 KiB")
    bare.start()
    bare.put(bare.home() / "big", os.urandom(3_000_000))

    async def act():
        ask = Asking(bare)
        job, seen, text = (await ask("backup-run"))["job"], 0, ""
        while text != "homes":
            state = await ask("backup-follow", job=job, seen=seen)
            seen, text = state["seen"], state["progress"][2]
        await ask.backups.stop()
        assert "error" in (await ask("backup-follow", job=job, seen=-1))["outcome"]
        with pytest.raises(RequestError, match="being stopped"):
            await ask("backup-run")

    asyncio.run(act())
    bare.configure()
    assert (bare.copy() / "homes" / "fred.mustermann" / "big").exists()
