"""As whom the disk is touched: the worker rests as the service's own user and takes on a person for one operation.

May live here: user and group ids of this process, its capabilities. May not: a file. The kernel keeps people apart, not
our checks. ``os.seteuid`` changes every thread, so a process that imports this has only one.
"""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from appliance.daemon.identities import Identity

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_CAP_SETGID, _CAP_SETUID = 6, 7
_LAST_CAPABILITY = 63
_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in numbers: user id, own group id, ids of the groups that he is a member of."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Acting(Protocol):
    """How an operation gets the rights of a person, and no others; ``apart``: whether the kernel keeps people apart."""

    apart: bool

    def as_person(self, person: Person) -> AbstractContextManager[object]:
        """Inside the ``with`` the kernel takes this process for ``person``. Not to be nested."""
        ...


class Staying:
    """Everything happens as the caller (identity ``same``): only :mod:`.shares` keeps people apart."""

    apart = False

    def as_person(self, person: Person) -> AbstractContextManager[object]:  # noqa: ARG002 - the shape of Acting
        """Change nothing."""
        return nullcontext()


class Switching:
    """Takes on people's ids and rests as ``rest`` between. To be made by root, in a process with one thread.

    Of root's capabilities only the two for changing ids are kept, for good; and nothing that is executed gets more.
    """

    apart = True

    def __init__(self, rest: Identity) -> None:
        if threading.active_count() != 1:
            raise RuntimeError("ids are changed for a whole process: it must have one thread only")
        self._rest = rest
        self._person: Person | None = None
        _keep_capabilities(1 << _CAP_SETUID | 1 << _CAP_SETGID)
        self._take(rest.uid, rest.gid, rest.groups)

    def as_person(self, person: Person) -> AbstractContextManager[object]:
        """Be ``person`` inside the ``with``. Raises ``OSError`` when that cannot be, ``ValueError`` for root."""
        if self._person is not None:
            raise RuntimeError("one person at a time")
        if person.uid == 0 or person.gid == 0 or 0 in person.groups:
            raise ValueError("nobody who signs in is root")
        return _Being(self, person)

    def enter(self, person: Person) -> None:
        """Become ``person``; used by the ``with`` only."""
        try:
            self._take(person.uid, person.gid, person.groups)
        except OSError:
            self.leave()
            raise
        self._person = person

    def leave(self) -> None:
        """Rest again. When that fails the process ends: it must not go on as somebody."""
        try:
            self._take(self._rest.uid, self._rest.gid, self._rest.groups)
        except OSError:
            os._exit(1)
        self._person = None

    @staticmethod
    def _take(uid: int, gid: int, groups: tuple[int, ...]) -> None:
        os.seteuid(0)
        os.setgroups(groups)
        os.setegid(gid)
        os.seteuid(uid)


class _Being:
    __slots__ = ("_person", "_switching")

    def __init__(self, switching: Switching, person: Person) -> None:
        self._switching = switching
        self._person = person

    def __enter__(self) -> None:
        self._switching.enter(self._person)

    def __exit__(self, *_error: object) -> None:
        self._switching.leave()


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _keep_capabilities(kept: int) -> None:
    """Give up all capabilities but the bits in ``kept`` (below 32); see capabilities(7). Raises ``OSError``."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(_LAST_CAPABILITY + 1):
        if not kept >> number & 1:
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # fails for numbers that this kernel does not know
    data = (_Data * 2)(_Data(kept, kept, 0), _Data(0, 0, 0))
    if libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
