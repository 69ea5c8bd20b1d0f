"""How rsync and ssh are told: from intent to words. Pure: nothing is run here.

The receiver in the second place takes no word of rsync's own call but the folder, and gives its rsync words of its own:
both change together.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from appliance.backup.intent import SecondPlace
from appliance.backup_server.attributes import FILTERS

_RSYNC = "/usr/bin/rsync"
_SSH = "/usr/bin/ssh"


def ssh(place: SecondPlace) -> tuple[str, ...]:
    """Ssh to the second place without the machine's own settings: our key, its known key, nothing else, no question."""
    options = {
        "BatchMode": "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": str(math.ceil(place.timeout)),
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "LogLevel": "ERROR",
        "PreferredAuthentications": "publickey",
        "ServerAliveCountMax": "4",
        "ServerAliveInterval": "15",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": _quoted(place.known_hosts),
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    line = ("-S", "none") if place.line is None else ("-S", str(place.line))
    who = ("-i", str(place.key), "-p", str(place.port), "-l", place.user)
    return (_SSH, "-F", "/dev/null", "-T", *words, *line, *who)


def hold(place: SecondPlace, socket: Path) -> tuple[str, ...]:
    """Hold a connection to be shared at ``socket``, and say so on standard output; ends with who started it."""
    said = ("-o", "PermitLocalCommand=yes", "-o", "LocalCommand=echo connected")
    shares = (*ssh(replace(place, line=socket)), "-M", "-N")
    return ("/usr/bin/setpriv", "--pdeathsig", "TERM", *shares, *said, "--", place.host)


def ask(place: SecondPlace, command: str) -> tuple[str, ...]:
    """Ask the receiver for ``command``, one of its own words."""
    return (*ssh(place), "--", place.host, command)


def send(place: SecondPlace, part: str, folder: Path, listed: Path) -> tuple[str, ...]:
    """Send what is ``listed`` (paths below ``folder``, each with a zero byte behind it) into what comes of ``part``.

    A folder that is listed is sent without what is in it. What is gone meanwhile is passed over.
    """
    return (
        _RSYNC,
        *_OWNERS,
        "--hard-links",
        "--sparse",
        *(f"--filter={rule}" for rule in FILTERS),
        f"--files-from={listed}",
        "--from0",
        "--ignore-missing-args",
        *_talk(place),
        "--info=progress2",
        "--stats",
        *_over(place),
        f"{folder}/",
        f"{_host(place)}:incoming/{part}/",
    )


def fetch_listed(place: SecondPlace, snapshot: str, part: str, listed: Path, into: Path) -> tuple[str, ...]:
    """Fetch what is ``listed`` (paths below ``part`` of ``snapshot``, as in :func:`send`) into the folder ``into``."""
    return (
        _RSYNC,
        *_OWNERS,
        "--hard-links",
        "--sparse",
        *(f"--filter={rule}" for rule in _TAKEN),
        f"--files-from={listed}",
        "--from0",
        *_talk(place),
        *_over(place),
        f"{_host(place)}:snapshots/{snapshot}/{part}/",
        f"{into}/",
    )


def fetch_all(place: SecondPlace, source: str, listed: Path, into: Path, words: Sequence[str] = ()) -> tuple[str, ...]:
    """Fetch what is ``listed`` (paths below the folder ``source``, each with a zero byte behind it) into ``into``.

    A folder that is listed comes without what is in it. ``words``: more of rsync's, about owners.
    """
    return (
        _RSYNC,
        *_OWNERS,
        "--hard-links",
        "--sparse",
        *(f"--filter={rule}" for rule in _TAKEN),
        f"--files-from={listed}",
        "--from0",
        *words,
        *_talk(place),
        "--info=progress2",
        "--stats",
        *_over(place),
        f"{_host(place)}:{source}/",
        f"{into}/",
    )


_TAKEN = ("+xr security.NTACL", "-xr user.rsync.*", "+xr user.*", "-xr *")
"""What is taken of the attributes that are sent: a broken-into backup server gives no file ``security.capability``."""

_OWNERS = ("--archive", "--acls", "--xattrs", "--numeric-ids")


def _talk(place: SecondPlace) -> tuple[str, ...]:
    limit = () if place.bandwidth is None else (f"--bwlimit={max(1, place.bandwidth // 1024)}",)
    return ("--no-human-readable", "--outbuf=N", f"--timeout={math.ceil(place.silence)}", *limit)


def _over(place: SecondPlace) -> tuple[str, str]:
    """Rsync splits this at spaces and knows quotes."""
    return "--rsh", shlex.join(ssh(place))


def _host(place: SecondPlace) -> str:
    return f"[{place.host}]" if ":" in place.host else place.host


def _quoted(path: Path) -> str:
    """A path as a value in ssh's options: blanks part names, a percent sign is a token."""
    return '"' + str(path).replace("%", "%%") + '"'
