"""What Dovecot says, cleaned before anybody reads it: logins, addresses and file names go, kind and number stay (K16).

May live here: text in, text out, and the process that stands between. May not: anything that Dovecot waits for; a line
that cannot be cleaned is dropped but for where it came from.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

_LONGEST = 400
_MOST_DESCRIPTORS = 1024
# 2.3 writes "auth-worker(31): Error: ...", 2.4 "auth-worker(fred,10.1.12.7)<31><session>: request [1]: Error: ...".
_SOURCE = re.compile(
    r"([a-z][a-z0-9-]{0,30}(?:\(\d+\))?)(?:[(<].*?)?: (?:.*?: )??(Debug|Info|Warning|Error|Fatal|Panic): "
)
_CUTS = (
    (re.compile(r"\b(lua|static|imap|user)\([^()]*\)"), r"\1"),
    (re.compile(r"(?:user|login|rip|lip|session|method)=<?[^\s,>]*>?"), ""),
    (re.compile(r"<[^<>\s]*>"), ""),
    (re.compile(r"[^\s()'\"=:,]*/[^\s()'\",:]*"), "PATH"),
    (re.compile(r"[^\s()'\"=:,]*@[^\s()'\",:]*"), "ADDRESS"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f.]*"), "ADDRESS"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "..."),
    (re.compile(r"\b(?!v?\d)[^\s.,:()]+\.[^\s.,:()]+\b"), "NAME"),
)


def clean(line: str) -> str | None:
    """Give ``line`` of Dovecot's log as the journal may carry it; ``None``: not at all (the daily coming and going)."""
    line = line.strip()
    source = _SOURCE.match(line)
    if source is None:
        return None
    name, level = source.groups()
    text = line[source.end() :]
    if name.startswith("imap") and level == "Info":
        return None
    for pattern, replacement in _CUTS:
        text = pattern.sub(replacement, text)
    return f"{name}: {level}: {' '.join(text.split())}"[:_LONGEST]


def stand_between() -> None:
    """Let another process clean what this one, and whatever it becomes, writes to standard error from now on.

    That process ends when the last writer does; it is nobody's child here, or Dovecot would wonder about it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        if os.fork() == 0:
            _become_cleaner(reading)
        os._exit(0)
    os.close(reading)
    os.waitpid(child, 0)
    os.dup2(writing, 2)
    os.dup2(writing, 1)
    os.close(writing)


def _become_cleaner(reading: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.closerange(3, reading)
    os.closerange(reading + 1, _MOST_DESCRIPTORS)
    try:
        with open(reading, encoding="utf-8", errors="replace") as lines:
            _write_cleaned(lines)
    finally:
        os._exit(0)


def _write_cleaned(lines: Iterable[str]) -> None:
    for line in lines:
        cleaned = clean(line)
        if cleaned is not None:
            sys.stderr.write(cleaned + "\n")
            sys.stderr.flush()
