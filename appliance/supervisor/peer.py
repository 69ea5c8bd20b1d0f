"""Who is at the other end of the control socket, as the kernel says, and whether he may ask at all.

May live here: SO_PEERCRED, SO_PEERGROUPS and names of users. May not: what he asks for.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass

_SO_PEERGROUPS = getattr(socket, "SO_PEERGROUPS", 59)
_BUFFER = 1024
"""Bytes, the most that Python takes: 256 groups. Somebody in more has to ask as root."""


@dataclass(frozen=True, slots=True)
class Asker:
    """The peer of a connected Unix socket at the moment of connecting: user id and all of its groups."""

    uid: int
    groups: frozenset[int]

    @staticmethod
    def of(connection: socket.socket) -> Asker:
        """Ask the kernel; raises ``OSError`` for anything but a connected Unix socket."""
        _, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid < 0:
            raise OSError("the peer has no credentials")
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _BUFFER)
        return Asker(uid, frozenset((gid, *struct.unpack(f"{len(raw) // 4}I", raw))))

    @property
    def name(self) -> str:
        """The user name, or ``uid 1234`` for one that has none; recorded as who did it."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"

    def allowed(self, groups: Collection[int]) -> bool:
        """Whether it is root, this process's own user, or in one of ``groups``."""
        return self.uid in (0, os.getuid()) or not self.groups.isdisjoint(groups)
