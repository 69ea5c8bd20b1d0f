"""The door of the drives over SMB: who may open a share, how large his files may grow, and when he has to leave.

May live here: the sessions of all smbds. May not: sockets (``service``), counting what was written (``tally``), Samba's
text (``render``). Without an answer of the policy nobody comes in: smbd asks before it opens a share.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from appliance.daemon.loop import Loop
from appliance.daemon.sessions import Sessions
from appliance.directory.short import short_name
from appliance.fileshare.shares import HOME, STAFF, shares_of
from appliance.fileshare.smb.bounds import Cuts, confined
from appliance.fileshare.smb.guests import Guest, Seat, admitted
from appliance.fileshare.smb.links import point, sweep
from appliance.fileshare.smb.rate import Rate
from appliance.fileshare.smb.smbd import NoSmbd, Smbd
from appliance.policy.account import Account, Service
from appliance.policy.decision import Reason
from appliance.policy.events import Kind
from appliance.policy.lessons import in_exam
from appliance.policy.snapshot import Snapshot
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

_log = logging.getLogger(__name__)
_PATIENCE: Final = 1.0  # seconds between SIGTERM and SIGKILL: a lock holds within two
_OUTCOMES: Final = {Reason.MUST_CHANGE: "must-change", Hitch.LATER: "try-later"}
_MOST: Final = 20
_SILENCE: Final = 60.0  # seconds: a PC tries again and again
_OFTEN: Final = (30, 0.5)  # drives that one person may open at once, and seconds until he may open one more
_WORDS: Final = {
    "too-often": "somebody opens drives again and again, faster than any PC of one person",
    "too-many": "too many connections of one person (fileshare.yaml: sessions_per_person)",
    "unknown": "the domain let somebody in who is no account of the school's directory, such as Administrator",
    "unread": "the directory has not been read yet; see schoolserver status",
}
"""What the journal says of a no that no rule of the policy gives; it names nobody."""


class Space(Protocol):
    """How much somebody may write now."""

    def largest(self, guest: Guest) -> int:
        """Give how many bytes a file of ``guest`` may have."""
        ...

    def left_off(self, guest: Guest) -> None:
        """Take note that the smbd of ``guest`` is gone, which may have written until then."""
        ...


class Closed(Exception):
    """The share does not open; ``why`` is for programs."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Door:
    """All smbds by pid. ``folders`` are those of links (runtime) and of the data; used from the loop's thread only.

    ``changed()`` is called when somebody came or went; if it says no, who came does not get in. ``most`` are the
    connections that one person may have at once: a few PCs, each with one, and those that a cut cable left behind.
    """

    def __init__(
        self, house: House, space: Space, loop: Loop, folders: tuple[Path, Path], changed: Callable[[], bool]
    ) -> None:
        self.seats: dict[int, Seat] = {}
        self.cuts: dict[int, Cuts] = {}
        self.sessions = Sessions(loop)
        self.most = _MOST
        self._house = house
        self._space = space
        self._loop = loop
        self._links, self._data = folders
        self._changed = changed
        self._names: tuple[Snapshot | None, dict[str, str]] = (None, {})
        self._often = Rate(*_OFTEN)
        self._seldom = Rate(1, _SILENCE)

    def enter(self, pid: int, user: str, share: str, address: str) -> Seat:
        r"""Let ``user`` (``WORKGROUP\short.name``, as Samba found it) open ``share`` in the smbd ``pid``.

        Gives where he sits. Raises :class:`Closed`, :class:`~.smbd.NoSmbd`, ``OSError``.
        """
        snapshot = self._house.snapshot()
        if snapshot is None:
            self._say("unread")
            raise Closed("later")
        account = self._account(snapshot, user)
        if account is None:
            self._say("unknown")
            raise Closed("unknown")
        if not self._often.may(account.login):
            self._say("too-often")
            self._record(account.login, address, "try-later")
            raise Closed("too-often")
        if share != HOME and in_exam(snapshot, account, self._house.now()):
            self._record(account.login, address, "denied")
            raise Closed(Reason.EXAM.value)
        self._point(snapshot, account, user, share)
        seat = self.seats.get(pid)
        if seat is not None and seat.smbd.ended:
            self.gone(seat)
            seat = None
        if seat is not None and seat.ending:
            self._record(account.login, address, "try-later")
            raise Closed("later")
        if seat is not None and account.login in seat.guests:
            return seat
        if sum(account.login in one.guests for one in self.seats.values()) >= self.most:
            self._say("too-many")
            self._record(account.login, address, "try-later")
            raise Closed("too-many")
        return self._sign_in(
            pid, seat, SignedIn(account.login, datetime.now(UTC), account.password_changed_at), address
        )

    def take_back(self, pid: int, started: int, who: SignedIn, address: str, limit: int | None) -> None:
        """Go on with a session that began before this process did, and had this ``limit``. Raises as :meth:`enter`.

        An smbd with which that cannot be is ended: nobody would watch it.
        """
        try:
            if self._house.account(who.login) is None:
                raise Closed("unknown")
            self._sign_in(pid, self.seats.get(pid), who, address, (started, limit))
        except NoSmbd:
            raise
        except BaseException:
            seat = self.seats.get(pid)
            if seat is None:
                self.seats[pid] = seat = Seat(Smbd(pid, started, limit))
            self.turn_out(seat)
            raise

    def guests(self) -> Iterator[Guest]:
        """Give everybody who is here; who sits in two smbds comes twice."""
        return (guest for seat in list(self.seats.values()) for guest in seat.guests.values())

    def confine(self, seat: Seat) -> None:
        """Let the kernel hold the files of ``seat`` to what its guests may have now."""
        limit = confined(map(self._space.largest, seat.guests.values()))
        if not seat.ending:
            now = time.time()
            try:
                seat.smbd.confine(limit)
            except PermissionError:
                self._stuck(seat, limit)
            for guest in seat.guests.values():
                self.cuts.setdefault(guest.uid, Cuts(now)).note(limit, now)

    def recheck_all(self) -> None:
        """Decide all again: there is a new snapshot."""
        self.sessions.recheck_all()
        for seat in list(self.seats.values()):
            self.confine(seat)

    def sweep(self) -> None:
        """Remove the links of people who are not there any more, or not of the staff. Raises ``OSError``."""
        snapshot = self._house.snapshot()
        if snapshot is not None:
            sweep(self._links / "homes", lambda user: self._account(snapshot, user) is not None)
            sweep(self._links / "staff", lambda user: _has_staff(snapshot, self._account(snapshot, user)))

    def gone(self, seat: Seat) -> None:
        """Forget an smbd that has ended."""
        if self.seats.get(seat.smbd.pid) is seat:
            del self.seats[seat.smbd.pid]
            for guest in seat.guests.values():
                self.sessions.remove(guest)
                guest.visit.ended = True
                self._space.left_off(guest)
            seat.smbd.close()
            self._changed()

    def turn_out(self, seat: Seat) -> None:
        """End an smbd; if it does not, by force."""
        if seat.ending or self.seats.get(seat.smbd.pid) is not seat:
            return
        seat.ending = True
        seat.smbd.end()
        self._loop.call_later(_PATIENCE, lambda: self._force(seat))

    def _sign_in(
        self,
        pid: int,
        seat: Seat | None,
        who: SignedIn,
        address: str,
        before: tuple[int, int | None] | None = None,
    ) -> Seat:
        new = seat is None
        if seat is None:
            seat = Seat(Smbd(pid, *(before or ())))
        try:
            guest = admitted(self._house, seat, who, address, self._end)
            if isinstance(guest, Obstacle):
                self._record(who.login, address, _OUTCOMES.get(guest.why, "denied"))
                raise Closed(guest.why.value)
            if guest.uid in self.cuts and not any(one.uid == guest.uid for one in self.guests()):
                self.cuts[guest.uid].begun = time.time()  # he was gone: what he left is not of this session
            seat.guests[guest.login] = guest
            seat.written = seat.smbd.written() or 0 if new else seat.written
            self.seats[pid] = seat
            self.confine(seat)
            if not self._changed() and before is None:  # another door would not know him
                self._record(who.login, address, "try-later")
                raise Closed("later")
        except BaseException:
            seat.guests.pop(who.login, None)
            if new:
                self.seats.pop(pid, None)
                seat.smbd.close()
            raise
        self.sessions.add(guest, guest.visit.valid_until)
        if before is None:
            self._record(who.login, address, "verified")
        return seat

    def _account(self, snapshot: Snapshot, user: str) -> Account | None:
        """Give whom Samba means: it knows short names, and no case."""
        if self._names[0] is not snapshot:
            self._names = snapshot, {short_name(login).casefold(): login for login in snapshot.accounts}
        login = self._names[1].get(user.rpartition("\\")[2].casefold())
        return None if login is None else snapshot.accounts[login]

    def _point(self, snapshot: Snapshot, account: Account, user: str, share: str) -> None:
        if share == HOME:
            point(self._links / "homes", user, self._data / "homes" / account.login)
        elif share == STAFF:
            staff = shares_of(snapshot, account).staff
            if staff is None:
                raise Closed("not-staff")
            point(self._links / "staff", user, self._data / staff.area / staff.name)

    def _stuck(self, seat: Seat, limit: int) -> None:
        """Let a PC come back for a new limit: the kernel lets us hold its smbd only while that is root, at a sign-in.

        So it is where root lacks CAP_SYS_RESOURCE, in containers. A bit more room than before needs no new session.
        """
        if seat.smbd.limit is None:
            raise PermissionError("an smbd at its sign-in cannot be held")
        if limit < seat.smbd.limit or 2 * limit > 3 * seat.smbd.limit:
            self.turn_out(seat)

    def _end(self, guest: Guest) -> None:
        self.turn_out(guest.seat)

    def _force(self, seat: Seat) -> None:
        if self.seats.get(seat.smbd.pid) is seat and not seat.smbd.ended:
            _log.warning("an smbd that was told to end did not; it is ended by force")
            seat.smbd.end(signal.SIGKILL)

    def _say(self, why: str) -> None:
        """Tell the carer why a drive was not opened, the same once a minute."""
        if self._seldom.may(why):
            _log.info("a drive was not opened: %s", _WORDS[why])

    def _record(self, login: str, address: str, outcome: str) -> None:
        """Record a sign-in, the same once a minute."""
        if self._seldom.may((login, address, outcome)):
            self._house.record(
                Kind.SIGN_IN, service=Service.FILES.value, login=login, address=address or None, outcome=outcome
            )


def _has_staff(snapshot: Snapshot, account: Account | None) -> bool:
    return account is not None and shares_of(snapshot, account).staff is not None
