"""The privileged process starts copies and restores as processes of their own, and tells how they are.

Once as its children, as in the demo; once over a socket, as on a server, where systemd's own tool plays the unit.
"""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from appliance.daemon.request_server import Peer, RequestError
from appliance.privileged.backups import Backups
from appliance.privileged.names import Ids
from tests.integration.backup.conftest import UID
from tests.integration.support_pairing import waiting
from tests.integration.support_place import ROOT

ME = Peer(os.getpid(), os.geteuid(), os.getegid())
IDS = Ids(0, 60_000)
ACTIVATE = Path("/usr/bin/systemd-socket-activate")


@pytest.fixture(params=["child", "unit"])
def place(request, bare):
    """The socket to ask at; None: a child does it."""
    if request.param == "child":
        yield None
        return
    if not ACTIVATE.exists():
        pytest.skip("systemd is not installed")
    path = bare.folder / "backup.sock"
    program = ("/usr/bin/python3", "-P", "-m", "appliance.backup", "serve", "--settings", str(bare.etc))
    unit = subprocess.Popen(
        [str(ACTIVATE), "--accept", "--inetd", f"--listen={path}", f"--setenv=PYTHONPATH={ROOT}", *program],
        stderr=subprocess.PIPE,
        text=True,
    )
    with unit:
        try:
            assert "Listening" in unit.stderr.readline()
            yield path
        finally:
            unit.terminate()


class Asking:
    """The verbs, asked as the supervisor asks them."""

    def __init__(self, school, place):
        self.backups = Backups(school.etc, place)
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


def test_a_copy_and_the_way_back(school, place):
    letter = school.put(school.home() / "letter")

    async def act():
        ask = Asking(school, place)
        told, made = await ask.outcome("backup-run")
        assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
        assert told[-1][0] == 1000 or told[-1][2] == "committing"
        name = made["result"]["snapshot"]
        listed = (await ask.outcome("backup-list"))[1]["result"]["snapshots"]
        assert listed == [{"name": name, "dump": True}]
        letter.unlink()
        whose = {"part": "homes", "name": "fred.mustermann", "number": UID}
        wanted = {**whose, "paths": ["letter"], "date": None, "room": None}
        came = (await ask.outcome("backup-restore", **wanted))[1]["result"]
        assert (letter.parent / came["folder"] / "letter").read_bytes() == b"mine"
        error = (await ask.outcome("backup-restore", **{**wanted, "paths": ["../x"]}))[1]["error"]
        assert error["kind"] == "refused"
        for wrong in ({"name": "../fred"}, {"number": 70_000}):
            with pytest.raises(RequestError, match="bad-argument"):
                await ask("backup-restore", **{**wanted, **wrong})
        with pytest.raises(RequestError, match="unknown-job"):
            await ask("backup-follow", job=99, seen=0)
        await ask.backups.stop()

    asyncio.run(act())


def test_stopped_with_the_privileged_process(bare, place):
    bare.configure(bandwidth="64 KiB")
    bare.start()
    bare.put(bare.home() / "big", os.urandom(3_000_000))

    async def act():
        ask = Asking(bare, place)
        job, seen, text = (await ask("backup-run"))["job"], 0, ""
        while text != "sending homes":
            state = await ask("backup-follow", job=job, seen=seen)
            seen, text = state["seen"], state["progress"][2]
        await ask.backups.stop()
        assert "error" in (await ask("backup-follow", job=job, seen=-1))["outcome"]
        with pytest.raises(RequestError, match="being stopped"):
            await ask("backup-run")

    asyncio.run(act())
    bare.configure()
    assert (bare.copy() / "homes" / "fred.mustermann" / "big").exists()


@pytest.mark.parametrize("same", [True, False])
def test_a_pairing_asks_and_its_secret_is_given_once(bare, place, same):
    async def act(server):
        ask, seen, state = Asking(bare, place), 0, {"ask": None, "outcome": None}
        job = (await ask("backup-pair", host="127.0.0.1", port=server.port, again=False))["job"]
        while state["ask"] is None and state["outcome"] is None:
            state = await ask("backup-follow", job=job, seen=seen)
            seen = state["seen"]
        assert state["ask"] == server.screen.code()
        server.say("y")
        await ask("backup-answer", job=job, same=same)
        with pytest.raises(RequestError, match="begin again"):
            await ask("backup-answer", job=job, same=True)
        while state["outcome"] is None:
            state = await ask("backup-follow", job=job, seen=seen)
            seen = state["seen"]
        with pytest.raises(RequestError, match="unknown-job"):
            await ask("backup-follow", job=job, seen=seen)
        await ask.backups.stop()
        return state["outcome"]

    with waiting(bare.folder) as server:
        outcome = asyncio.run(act(server))
    if same:
        assert "RECOVERY SHEET" in outcome["result"]["sheet"]
    else:
        assert outcome["error"]["kind"] == "refused"
    assert (bare.own_folder / "recovery.pub").exists() is same


def test_where_no_copies_are_made_the_answer_says_what_to_install(bare):
    async def act():
        ask = Asking(bare, bare.folder / "no.sock")
        error = (await ask.outcome("backup-list"))[1]["error"]
        assert error["kind"] == "not-set-up"
        assert "schoolserver-backup" in error["text"]

    asyncio.run(act())
