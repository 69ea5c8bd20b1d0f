"""Whom this machine asks for names: its own domain first, and who was asked before as long as that does not answer.

The C library goes on to the next server when one is not there (resolv.conf(5)), so a domain that is down costs a moment
and no name. Pure but for reading the file. The lines of ours can be told and taken out again; all others stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

NOTE: Final = "# schoolserver: names of the school's own domain. This line and the next go with schoolserver-domain."
_LINE: Final = "nameserver 127.0.0.1"
_MOST = 3
"""Servers that the C library takes note of (MAXNS)."""


def decide(path: Path, text: str, *, own: bool) -> tuple[str | None, str | None]:
    """Give the new text of ``path``, ``None`` to leave it, and what the carer should know, if anything.

    ``own``: this machine serves a domain.
    """
    if not own:
        return (without_domain(text) if NOTE in text else None), None
    if _has(text):
        return None, None
    if path.is_symlink():
        return None, (
            f"{path} is kept by another program ({path.readlink()}); let that ask 127.0.0.1 first: until then this"
            " machine itself does not know the domain's names"
        )
    servers = sum(line.split()[:1] == ["nameserver"] for line in text.splitlines())
    most = f"{path} names {servers} servers already; behind the domain itself only {_MOST - 1} of them are asked"
    return with_domain(text), most if servers >= _MOST else None


def with_domain(text: str) -> str:
    """Give ``text`` of resolv.conf with the domain asked first."""
    return f"{NOTE}\n{_LINE}\n{without_domain(text)}"


def without_domain(text: str) -> str:
    """Give ``text`` without the lines of ours."""
    return "".join(_others(text.splitlines(keepends=True)))


def read(path: Path) -> str:
    """Read it; empty where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _has(text: str) -> bool:
    """Whether the first server that is asked is this machine."""
    servers = [line.split() for line in text.splitlines() if line.split()[:1] == ["nameserver"]]
    return bool(servers) and servers[0][1:2] == [_LINE.split()[1]]


def _others(lines: list[str]) -> Iterator[str]:
    after = False
    for line in lines:
        if line.rstrip("\n") == NOTE:
            after = True
        elif not (after and line.rstrip("\n") == _LINE):
            after = False
            yield line
        else:
            after = False
