"""The door's process: its socket and verbs, the looks at all smbds, and counting; what it was told at its start.

May live here: putting the parts together. May not: deciding (``door``), numbers (``tally``, ``bounds``).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from appliance.audit.client import AuditClient
from appliance.daemon.identities import Identities
from appliance.daemon.loop import Cancel, Loop
from appliance.daemon.request_server import Peer, RequestError, RequestServer, Verb, serve
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.space import Reserve
from appliance.daemon.whole_file import write_whole
from appliance.daemon.worker import Worker
from appliance.fileshare.shares import GROUPS, HOME, STAFF, shares_of
from appliance.fileshare.smb.counting import Counting, Suspect, Task
from appliance.fileshare.smb.door import Closed, Door
from appliance.fileshare.smb.guests import Guest, Seat
from appliance.fileshare.smb.kept import keep, kept
from appliance.fileshare.smb.lock_room import make_room
from appliance.fileshare.smb.looks import EVERY, Looks
from appliance.fileshare.smb.render import places, space
from appliance.fileshare.smb.smbd import NoSmbd
from appliance.fileshare.smb.tally import Tally
from appliance.fileshare.smb.told import Told
from appliance.policy.snapshot import Snapshot, decode
from appliance.session.house import House
from appliance.settings.load import Settings
from appliance.usage.delta import Delta, Place
from appliance.usage.ledger import Usage

_log = logging.getLogger(__name__)

_SHARES: Final = frozenset({HOME, GROUPS, STAFF})
_SETTLE: Final = 3.0  # seconds that a PC waits for a count at the most
_PART: Final = 10  # counting takes one part in so many of the time; for whom it holds still, half of it
_HELD: Final = 10.0  # seconds between two looks for deleted files that are held open
_SLOWLY: Final = 1.0  # seconds until who asks too often gets his no; his smbd waits for it


class DoorService:
    """Answers smbd's questions on the listening sockets named ``smb``; made by :func:`start`."""

    def __init__(self, worker: Worker[Settings], loop: Loop) -> None:
        settings = worker.settings
        server, ids = settings.server, settings.directory
        self._worker = worker
        self._loop = loop
        self._data, self._links = server.data, server.runtime / "smb"
        self._locks = server.state / "domain" / "lock"
        self._usage = Usage(server.runtime / "usage")
        self._delta = Delta(server.runtime / "usage", Place.FILES, ids.id_first, ids.id_last, "smb")
        self._reserve = Reserve(server.data, server.reserve)
        self._tally = Tally(self._usage, self._reserve.refuses)
        self._counting = Counting(server.data, self._usage, self._delta, range(ids.id_first, ids.id_last + 1))
        self._told = Told(server.state / "smb" / "cut.json")
        self._audit = AuditClient(server.runtime / "audit" / "audit.sock")
        self._snapshot: Follower[Snapshot] = Follower(
            server.runtime / "snapshots" / "files.snapshot", decode, loop, lambda _new: self._published()
        )
        self._supervisor = Identities(server).of("supervisor").uid
        house = House(snapshot=lambda: self._snapshot.current, journal=self._audit)
        self._door = Door(house, self, loop, (self._links, server.data), self._changed)
        self._door.most = settings.fileshare.sessions_per_person
        self._adopted = False
        self._looks = Looks()
        self._cancel: Cancel = lambda: None
        self._held: Mapping[int, int] = {}
        self._not_before = self._urgent_not_before = self._held_at = self._next_look = 0.0
        self._running: asyncio.Task[None] | None = None
        self._servers: list[RequestServer] = []

    async def open(self) -> None:
        """Go on with the sessions that there were, then answer."""
        settings = self._worker.settings
        command = shlex.join((*places(settings).ask, "space"))
        write_whole(space(settings), f"#!/bin/sh\nexec {command}\n".encode(), 0o755)
        self._adopt()
        self._sweep()
        self._servers = [await serve(listener, self._verbs()) for listener in self._worker.listening("smb")]
        self._look_in(EVERY[0])

    async def stop(self) -> None:
        """Answer what was asked; the sessions go on, and are taken up again at the next start."""
        for server in self._servers:
            await server.stop()
        self._cancel()
        self._snapshot.stop()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._counting.close()
        self._delta.close()
        self._usage.close()
        self._audit.close()

    def reload(self, settings: Settings) -> None:
        """Go on with the new reserve and the most connections; all else stands in the snapshot."""
        self._reserve.least = settings.server.reserve
        self._door.most = settings.fileshare.sessions_per_person

    def largest(self, guest: Guest) -> int:
        """Give how many bytes a file of ``guest`` may have."""
        return self._tally.largest(guest)

    def left_off(self, guest: Guest) -> None:
        """Count whose smbd is gone: what it wrote last cannot be seen any more, it may be a file up to the limit."""
        self._tally.wrote(guest, guest.seat.smbd.limit or 0, gone=True)

    def _verbs(self) -> Mapping[str, Verb]:
        text = {"user": str, "share": str, "address": str}
        return {
            "enter": Verb(self._enter, {"pid": int, **text}, lambda peer: peer.uid == 0),
            "space": Verb(self._space),
            "standing": Verb(self._standing, {}, self._from_supervisor),
            "cuts": Verb(self._cuts, {}, self._from_supervisor),
            "cuts-told": Verb(self._cuts_told, {"ids": list[int]}, self._from_supervisor),
        }

    def _from_supervisor(self, peer: Peer) -> bool:
        return peer.uid in (0, self._supervisor)

    async def _enter(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        if arguments["share"] not in _SHARES:
            raise RequestError("closed", "there is no such share")
        self._adopt()
        pid = arguments["pid"]
        known = self._door.seats.get(pid)
        try:
            seat = self._door.enter(pid, arguments["user"], arguments["share"], arguments["address"])
        except Closed as closed:
            if closed.why == "too-often":
                await asyncio.sleep(_SLOWLY)
            raise RequestError("closed", closed.why) from closed
        except (NoSmbd, OSError, ValueError) as error:
            _log.error("a share cannot be opened: %s", type(error).__name__)
            raise RequestError("closed", "later") from error
        if seat is not known:
            self._watch(seat)
        try:  # while smbd waits for the answer, so that the limit meets no table that is too small
            await asyncio.get_running_loop().run_in_executor(None, make_room, self._locks)
        except (OSError, ImportError) as error:
            _log.error("Samba's tables cannot be given room: %s", type(error).__name__)
        for guest in list(seat.guests.values()):
            await self._settle(guest)
        return {}

    async def _settle(self, guest: Guest) -> None:
        """Count who was here just before and may have written all that was left, so that he is not held still now."""
        for _ in range(2):  # a count under way may have begun before
            room = self._tally.room(guest)
            if room is None or room.written < room.left or not room.written:
                return
            if self._running is None:
                self._running = asyncio.ensure_future(self._count({guest.uid: guest.login}))
            await asyncio.wait([self._running], timeout=_SETTLE)

    async def _space(self, _arguments: Mapping[str, Any], peer: Peer) -> Mapping[str, Any]:
        guest = next((one for one in self._door.guests() if one.uid == peer.uid), None)
        room = None if guest is None else self._tally.room(guest)
        if guest is None or room is None:
            raise RequestError("unbounded", "the disk is the bound")
        disk = os.statvfs(self._data)
        there = max(disk.f_bavail * disk.f_frsize - self._reserve.least, 0)
        return {"size": guest.quota, "free": min(max(room.left - room.written, 0), there)}

    async def _standing(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        """How many connections and persons there are, and by which snapshot (epoch, counter) is decided."""
        snapshot = self._snapshot.current
        version = None if snapshot is None else [snapshot.version.epoch, snapshot.version.counter]
        persons = {guest.uid for guest in self._door.guests()}
        connections = sum(bool(seat.guests) for seat in self._door.seats.values())
        return {"connections": connections, "persons": len(persons), "snapshot": version}

    async def _cuts(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        return {"cuts": self._told.waiting()}

    async def _cuts_told(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        self._told.done(arguments["ids"])
        return {}

    def _published(self) -> None:
        self._adopt()
        self._door.recheck_all()
        self._sweep()

    def _sweep(self) -> None:
        try:
            self._door.sweep()
        except OSError as error:
            _log.error("links of people who are gone cannot be removed: %s", error.strerror)

    def _adopt(self) -> None:
        """Take up the sessions of a door that was before us, once we can decide on them."""
        if self._adopted or self._snapshot.current is None:
            return
        self._adopted = True
        for one in list(kept(self._links / "sessions.json")):
            known = self._door.seats.get(one.pid)
            try:
                self._door.take_back(one.pid, one.started, one.who, one.address, one.limit)
            except NoSmbd:
                continue
            except (Closed, OSError, LookupError) as error:
                _log.warning("a session of before is ended: %s", type(error).__name__)
            seat = self._door.seats.get(one.pid)
            if seat is not None and seat is not known:
                self._watch(seat)

    def _watch(self, seat: Seat) -> None:
        """Look at an smbd, and notice its end when it comes: its descriptor becomes readable."""
        self._looks.add(seat)
        if self._next_look > self._now() + EVERY[1]:  # many who come together put it off for nobody
            self._look_in(EVERY[1])
        loop = asyncio.get_running_loop()
        descriptor = seat.smbd.descriptor

        def ended() -> None:
            loop.remove_reader(descriptor)
            self._door.gone(seat)

        loop.add_reader(descriptor, ended)

    def _changed(self) -> bool:
        self._worker.status(f"{len(self._door.seats)} connections")
        return keep(self._links / "sessions.json", self._door.guests())

    def _look(self) -> None:
        """See what smbds have written, hold their files to what is left, and count whose turn it is."""
        seats, soon = self._looks.seats(self._door.seats.values(), self._now()), EVERY[0]
        try:
            for seat in seats:
                try:
                    self._look_at(seat)
                except OSError as error:
                    _log.error("an smbd cannot be watched and has to end: %s", error.strerror)
                    self._door.turn_out(seat)
            guests = [guest for seat in seats for guest in seat.guests.values()]
            soon = self._looks.after(seats, self._tally.pressing(guests))
            self._count_if_due(guests)
        finally:
            self._look_in(soon)

    def _look_in(self, seconds: float) -> None:
        self._cancel()
        self._next_look = self._now() + seconds
        self._cancel = self._loop.call_later(seconds, self._look)

    def _count_if_due(self, guests: Iterable[Guest]) -> None:
        now = self._now()
        logins, urgent = self._tally.due(guests)
        if now < (self._urgent_not_before if urgent else self._not_before):
            logins = {}
        if self._running is None and (logins or (self._door.seats and now >= self._held_at)):
            self._running = asyncio.ensure_future(self._count(logins))

    def _look_at(self, seat: Seat) -> None:
        written = seat.smbd.written()
        if written is not None and written != seat.written:
            for guest in seat.guests.values():
                self._tally.wrote(guest, written - seat.written)
            seat.written = written
        self._door.confine(seat)

    async def _count(self, logins: Mapping[int, str]) -> None:
        """Count ``logins``, if there are any, and see what deleted files are held."""
        begun = self._now()
        taken = self._tally.take(logins)
        suspects = [
            one
            for uid, login in logins.items()
            if (one := self._suspect(uid, login, taken[uid].size if uid in taken else 0))
        ]
        smbds = [seat.smbd for seat in self._door.seats.values()]
        missed: Collection[int] = logins
        try:
            done = await self._counting.count(Task(logins, self._groups(logins), suspects, smbds))
            missed = done.missed
            for uid, remains in done.cut.items():
                if remains:
                    _log.info(
                        "%d cut upload(s), of which %d are removed", len(remains), sum(one.removed for one in remains)
                    )
                    self._told.add(logins[uid], remains)
            self._held_since(done.held, logins)
        except OSError as error:
            _log.error("what was written over SMB cannot be counted: %s", error.strerror or type(error).__name__)
            return  # what was cut is still to be found
        finally:
            self._tally.counted(missed)
            self._running = None
            now = self._now()
            self._urgent_not_before = 2 * now - begun
            self._not_before = max(self._not_before, now + (now - begun) * _PART)
        self._after(logins)

    def _groups(self, logins: Mapping[int, str]) -> set[str]:
        """Give the groups in whose folders these people may have written."""
        snapshot = self._snapshot.current
        accounts = {} if snapshot is None else snapshot.accounts
        return {name for login in logins.values() if login in accounts for name in accounts[login].groups}

    def _held_since(self, held: Mapping[int, int], logins: Mapping[int, str]) -> None:
        """Have counted whose deleted files are ``held`` open, but for ``logins``, who were just now.

        The nightly count does not see them, so they are counted again and again.
        """
        before, self._held = self._held, held
        routine = self._now() >= self._held_at
        if routine:
            self._held_at = self._now() + _HELD
        changed = {uid for uid in held.keys() | before.keys() if held.get(uid, 0) != before.get(uid, 0)}
        again = (changed | held.keys() if routine else changed) - logins.keys()
        if again and self._snapshot.current is not None:
            for account in self._snapshot.current.accounts.values():
                if account.uid in again:
                    self._tally.again(account.uid, account.login)

    def _after(self, logins: Mapping[int, str]) -> None:
        """Set the limits anew of whom was counted."""
        here = {guest.uid for guest in self._door.guests()}
        for uid in logins:
            cuts = self._door.cuts.pop(uid, None)
            if cuts is not None and uid in here:
                cuts.since.clear()
                self._door.cuts[uid] = cuts
        for seat in list(self._door.seats.values()):
            if any(guest.uid in logins for guest in seat.guests.values()):
                seat.grown = seat.smbd.largest_open(self._data)
                self._door.confine(seat)

    def _suspect(self, uid: int, login: str, written: int) -> Suspect | None:
        cuts, snapshot = self._door.cuts.get(uid), self._snapshot.current
        account = None if snapshot is None else snapshot.accounts.get(login)
        limits = {} if cuts is None else cuts.suspects(written)
        if cuts is None or snapshot is None or account is None or account.uid != uid or not limits:
            return None
        return Suspect(uid, shares_of(snapshot, account), limits, cuts.begun)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def start(worker: Worker[Settings], loop: Loop) -> DoorService:
    """Make the door and let it answer; raises ``LookupError`` or ``OSError`` for the carer."""
    service = DoorService(worker, loop)
    await service.open()
    return service
