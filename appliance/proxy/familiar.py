"""What comes again byte for byte: heads of a dozen tunnels to one site, fields of one request after another.

May live here: what was read and who was known a moment ago, by a head. May not: reading one, knowing somebody. A head
has a password in it, which is not kept, only the keyed hash of ``sign_in``; nor are the bytes, only a hash of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from appliance.daemon.http_head import BadHead, RequestHead, request_head_like
from appliance.proxy.guest import FIELD, Guests
from appliance.proxy.job import Job, asked_for
from appliance.session.signed_in import SignedIn

_MOST: Final = 10_000
_LONGEST: Final = 1024
"""Bytes of a head for a tunnel that is remembered; those of browsers have 200 to 400."""
_LANGUAGE: Final = "accept-language"
"""The one field of such a head that matters once it is read: a page that refuses speaks by it."""
_FIELDS: Final = 2048
"""Bytes of fields that are remembered."""
_LINES: Final = 32
_NAMED: Final = 4
"""Names in Connection; browsers send one."""
_FOR_THE_SITE: Final = "\nauthorization:"
"""A password for the site itself."""


class Tunnels:
    """Requests for tunnels to one worker; ``mark`` gives the keyed hash of a head."""

    def __init__(self, mark: Callable[[bytes], bytes]) -> None:
        self._mark = mark
        self._known: dict[bytes, tuple[Job, bytes]] = {}

    def find(self, raw: bytes, guests: Guests) -> tuple[Job, SignedIn] | None:
        """Say what the head ``raw`` asks for and who sends it, if both are known still."""
        known = self._known.get(self._mark(raw)) if guests.by_password else None
        if known is None:
            return None
        guest = guests.remembered(known[1])
        return None if guest is None else (known[0], guest)

    def keep(self, raw: bytes, job: Job, guests: Guests) -> None:
        """Remember that the head ``raw`` was read as ``job``; who sent it by ``guests`` is signed in."""
        mark = guests.mark
        if mark and len(raw) <= _LONGEST and job.body.done:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[self._mark(raw)] = replace(job, head=job.head.only(_LANGUAGE)), mark


class Fields:
    """The fields of the last request of one connection: if those of the next are the same, they are not read again.

    They are known by Python's own keyed hash (see ``guest``). What was read of them, cookies too, stays as long as the
    connection: a few KiB at most. Fields that came once only cost no more than their hash.
    """

    __slots__ = ("_again", "_hash", "_like", "_mark")

    def __init__(self) -> None:
        self._hash = 0
        self._again = False
        self._like: RequestHead | None = None
        self._mark = b""

    def find(self, raw: bytes, guests: Guests) -> tuple[Job, SignedIn] | None:
        """Say what the head ``raw`` asks for and who sends it, if its fields and its sender are known still.

        ``None`` also for a head that is to be refused: who reads all of it says why.
        """
        if not guests.by_password:
            return None
        end = raw.find(b"\r")
        fields = hash(raw[end:])
        self._again = fields == self._hash
        if not self._again:
            self._hash, self._like = fields, None
        if self._like is None:
            return None
        head = request_head_like(raw[:end], self._like)
        guest = guests.remembered(self._mark)
        if head is None or guest is None:
            return None
        try:
            return asked_for(head, caught=False), guest  # no password is taken from who is caught
        except BadHead:
            return None

    def keep(self, _raw: bytes, job: Job, guests: Guests) -> None:
        """Remember the fields of the head that was not found, read as ``job``, if it is not the first one with them.

        Who sent it by ``guests`` is signed in.
        """
        if not self._again:
            return
        mark, head = guests.mark, job.head
        small = len(head.lines) <= _FIELDS and head.lines.count("\n") <= _LINES and len(head.named) <= _NAMED
        if mark and small and "host" in head.near and _FOR_THE_SITE not in head.far.lower():
            self._like, self._mark = head.likeness(FIELD), mark
