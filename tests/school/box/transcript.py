r"""Scenarios written as what somebody types on which host, and what he sees.

    pc$ curl -s http://www.example.net/
    *Welcome*
    server# systemctl is-active schoolserver-mail
    failed
    -> 3

``HOST$`` (or ``HOST#``) begins a command, which may go on over lines that end in a backslash; the lines below it are
patterns (``*`` stands for anything) that lines of its output must meet, in this order, other lines in between are
passed over; ``! PATTERN`` is met by no line at all. ``-> N`` is the exit code, 0 if not said, ``-> *`` any.

May live here: reading and playing transcripts. May not: which hosts there are.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.school.box.host import Done, Host

_COMMAND = re.compile(r"(\w+)[$#] (.+)", re.S)
_CODE = re.compile(r"-> (\d+|\*)")


@dataclass
class Step:
    """One command and what is expected of it."""

    host: str
    command: str
    seen: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    code: str = "0"


def play(hosts: Mapping[str, Host], text: str, *, timeout: float = 60.0) -> str:
    """Play a transcript, stop with AssertionError at the first thing that differs; give the last command's output."""
    said = ""
    for step in read(text):
        done = hosts[step.host].attempt(step.command, timeout=timeout)
        problem = differs(step, done)
        assert problem is None, f"{problem}\n{step.host}$ {step.command}\n{done.said}-> {done.code}"
        said = done.said
    return said


def read(text: str) -> Iterator[Step]:
    """The steps of a transcript; ValueError when something stands before the first command."""
    step: Step | None = None
    for line in textwrap.dedent(text).replace("\\\n", "").strip().splitlines():
        line = line.rstrip()
        if not line:
            continue
        if begins := _COMMAND.fullmatch(line):
            if step is not None:
                yield step
            step = Step(begins[1], begins[2])
        elif step is None:
            raise ValueError(f"no command before: {line}")
        elif code := _CODE.fullmatch(line):
            step.code = code[1]
        elif line.startswith("! "):
            step.unseen.append(line[2:])
        else:
            step.seen.append(line)
    if step is not None:
        yield step


def differs(step: Step, done: Done) -> str | None:
    """What was not as written; ``None`` when all was."""
    lines = [line.strip() for line in done.said.splitlines()]
    for pattern in step.unseen:
        if any(fnmatchcase(line, pattern) for line in lines):
            return f"there is: {pattern}"
    if (missing := _missing(lines, step.seen)) is not None:
        return f"not seen: {missing}"
    if step.code not in ("*", str(done.code)):
        return f"exit code {done.code}, not {step.code}"
    return None


def _missing(lines: Sequence[str], patterns: Sequence[str]) -> str | None:
    rest = iter(lines)
    for pattern in patterns:
        if not any(fnmatchcase(line, pattern) for line in rest):
            return pattern
    return None
