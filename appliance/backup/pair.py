"""``schoolserver backup pair``: this server and the backup server learn each other's public keys.

May live here: the school's side of it, with our keys. May not: what is said (``backup_server.pairing``), or trusting a
key before somebody has compared the code. Until then nothing is kept; of the recovery key's seed nothing ever is.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.backup import own_key, recovery_key, standing
from appliance.backup.intent import own_folder
from appliance.backup.problem import BackupError
from appliance.backup.run import record_owner
from appliance.backup_server import pairing
from appliance.backup_server.pairing import PairingError, PlaceValues, SchoolSide, SchoolValues
from appliance.backup_server.talk import LineBroken, Lines
from appliance.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}", re.ASCII)
_KEPT_WITHIN = 60.0  # making a user may have to wait for a lock


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the carer says: the ``host`` (``None``: that of backup.yaml), the ``port`` where it waits, a second time."""

    host: str | None
    port: int
    again: bool


def pair(settings: Settings, wanted: Wanted, same: Callable[[str], bool]) -> dict[str, Any]:
    """Pair with the backup server that waits there; ``same(code)`` says whether it shows the same eight digits.

    Gives the ``sheet`` to print, and ``write``: lines that backup.yaml lacks. Raises :class:`BackupError`.
    """
    own, host = own_folder(settings), _host(settings, wanted)
    if not wanted.again and (own.recovery.exists() or (own.keys / "known_hosts").exists()):
        raise BackupError(
            "refused",
            "this server is paired already. For another backup server, or when its key or the recovery sheet is gone:"
            " schoolserver backup pair --again. That makes a new sheet; the dumps made before it (not the files) open"
            " with the old one alone, so keep that for another month",
        )
    with own_key.Candidate(own) as candidate, _connected(settings, host, wanted.port) as line:
        recovery = recovery_key.new()
        try:
            place = _exchanged(line, SchoolValues(candidate.public, recovery.public_line), settings, same)
        except (LineBroken, PairingError) as problem:
            text = (
                f"{problem}; nothing was kept here. Begin again on both sides (over there with --again if it says so)"
            )
            raise BackupError("unreachable", text) from problem
        facts = recovery_key.Facts(
            host,
            place.port,
            place.user,
            place.host_key,
            candidate.public,
            settings.school.name,
            datetime.now(settings.school.zone).date(),
        )
        sheet = recovery.sheet(facts)
        candidate.keep()
    trust(settings, host, place.port, place.host_key)
    write_whole(own.recovery, f"{recovery.public_line}\n".encode("ascii"), 0o644)
    return {"sheet": sheet, "write": _lacking(settings, host, place)}


def trust(settings: Settings, host: str, port: int, key: str) -> None:
    """Trust the machine ``host`` by the public ``key`` of its sshd at ``port``, and no other; raises ``OSError``."""
    own = own_folder(settings)
    name = host if port == 22 else f"[{host}]:{port}"
    own.make()
    write_whole(own.keys / "known_hosts", f"{name} {key}\n".encode("ascii"), 0o600)
    record = standing.read(own.folder)
    if record.set_up is None:
        standing.write(own.folder, replace(record, set_up=datetime.now(UTC)), record_owner(settings))


def _host(settings: Settings, wanted: Wanted) -> str:
    if wanted.host is None and settings.backup.target is None:
        raise BackupError("not-set-up", "say which machine the backup server is: schoolserver backup pair backup.host")
    host = wanted.host or str(settings.backup.target).partition("@")[2]
    if not _HOST.fullmatch(host):
        raise BackupError("refused", "that is no name or address of a machine")
    return host


def _connected(settings: Settings, host: str, port: int) -> Lines:
    try:
        connection = socket.create_connection((host, port), settings.backup.timeout)
    except OSError as error:
        raise BackupError(
            "unreachable",
            f"nobody waits at {host}, port {port}; on the backup server, as root, begin with:"
            " schoolserver-backup-server pair NAME-OF-THE-SCHOOL",
        ) from error
    return Lines(connection, pairing.LONGEST)


def _exchanged(line: Lines, own: SchoolValues, settings: Settings, same: Callable[[str], bool]) -> PlaceValues:
    """What the backup server said, once both people have confirmed the code and our keys are kept over there."""
    patience = settings.backup.timeout
    side = SchoolSide(own, os.urandom(32))
    line.send(side.first(), patience)
    last, place, code = side.last(line.receive(patience))
    line.send(last, patience)
    confirmed = same(code)
    line.send(pairing.verdict(confirmed), patience)
    if not confirmed:
        raise BackupError("refused", "not confirmed; nothing was kept. If the codes differ, somebody is in between")
    if not pairing.heard(line.receive(pairing.ANSWERED_WITHIN)):
        raise BackupError("refused", "over there it was not confirmed; nothing was kept")
    if not pairing.heard(line.receive(_KEPT_WITHIN)):
        raise BackupError("refused", "over there the keys could not be kept; what is wrong is said there")
    return place


def _lacking(settings: Settings, host: str, place: PlaceValues) -> list[str]:
    target = f"{place.user}@{host}"
    lines = [] if settings.backup.target == target else [f"target: {target}"]
    return lines if settings.backup.port == place.port else [*lines, f"port: {place.port}"]
