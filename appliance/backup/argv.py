"""How rsync and ssh are told: from intent to words. Pure: nothing is run here.

The receiver in the second place compares every word of rsync's own call with these, so both change together. Never
among them: ``--inplace``, ``--append``, ``--delete``.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from appliance.backup.intent import Part, SecondPlace

_RSYNC = "/usr/bin/rsync"
_SSH = "/usr/bin/ssh"
_BESIDE = "../../"  # from a part of the copy under way to another copy


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
    """Ask the receiver for ``command``: begin, finish, list or thin."""
    return (*ssh(place), "--", place.host, command)


def copy(place: SecondPlace, part: Part, bases: Sequence[str]) -> tuple[str, ...]:
    """Copy ``part`` into the copy under way; what is the same in one of ``bases`` is linked to it, not sent.

    Times are compared to the nanosecond: a file may change twice in a second and keep its size.
    """
    return (
        _RSYNC,
        *_OWNERS,
        "--hard-links",
        "--modify-window=-1",
        *_talk(place),
        "--info=progress2",
        "--stats",
        *(f"--link-dest={_BESIDE}{base}/{part.name}" for base in bases),
        *(f"--exclude={pattern}" for pattern in part.without),
        *_over(place),
        f"{part.folder}/",
        f"{_host(place)}:incoming/{part.name}/",
    )


def fetch(place: SecondPlace, snapshot: str, path: str, into: Path) -> tuple[str, ...]:
    """Fetch ``path`` (a file or folder below ``snapshot``) into the folder ``into``, with the folders above it.

    Device files and pipes stay away; links come as links.
    """
    source = f"{_host(place)}:{snapshot}/./{path}"
    return (
        _RSYNC,
        *_OWNERS,
        "--no-devices",
        "--no-specials",
        "--relative",
        *_talk(place),
        *_over(place),
        source,
        f"{into}/",
    )


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
