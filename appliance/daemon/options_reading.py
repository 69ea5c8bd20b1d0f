"""What reading settings collects: values, where each came from, and everything that is wrong, all at once.

May live here: sources, problems and their collection. May not: YAML, types of values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePath
from typing import Any, Final


class Wrong(Enum):
    """Stands for a value that could not be read; its problem has been reported."""

    WRONG = "wrong"


WRONG: Final = Wrong.WRONG
_LONGEST = 60
_MOST_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value stands: ``file`` name, ``line`` from 1 (``None``: the default of the table), dotted ``key``."""

    file: str
    line: int | None
    key: str

    def __str__(self) -> str:
        place = f"{self.file} (default)" if self.line is None else f"{self.file}:{self.line}"
        return f"{place} {self.key}".rstrip()

    @property
    def path(self) -> str:
        """File and key in one: ``network.listen.imap``."""
        return f"{PurePath(self.file).stem}.{self.key}".rstrip(".")

    def child(self, key: str, line: int | None) -> Source:
        """Give the source of a key inside this one; ``line`` is ``None`` where the default stands in for it."""
        shown = key if key.isprintable() and len(key) <= _LONGEST else f"{key[:_LONGEST]!r}..."
        return Source(self.file, line, f"{self.key}.{shown}" if self.key else shown)

    def item(self, number: int, line: int) -> Source:
        """Give the source of an item of this list, counted from 0; inside a default everything is a default."""
        return Source(self.file, None if self.line is None else line, f"{self.key}[{number}]")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file, for the carer.

    ``line`` counts from 1 and is ``None`` when it is not about a line; ``key`` is dotted and empty for the whole file;
    ``nearest`` is the known key or value that may have been meant, or empty.
    """

    file: str
    line: int | None
    key: str
    found: str
    allowed: str
    nearest: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f"{self.key}: " if self.key else ""
        nearest = f" - did you mean {self.nearest}?" if self.nearest else ""
        return f"{place}: {key}found {self.found}; allowed: {self.allowed}{nearest}"


class SettingsError(Exception):
    """Settings that cannot be used; ``problems`` holds all of them, its text one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Reading:
    """Collects what was read, by path (``network.listen.imap``), and all problems (at most a thousand)."""

    problems: list[Problem] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    def note(self, source: Source, value: object) -> None:
        """Remember a value, or ``WRONG``, and where it came from."""
        self.values[source.path] = value
        self.sources[source.path] = source

    @property
    def full(self) -> bool:
        """Whether so much is wrong that nothing more is added: these are no settings but some other file."""
        return len(self.problems) >= _MOST_PROBLEMS

    def report(self, source: Source, found: str, allowed: str, nearest: str = "") -> None:
        """Add a problem."""
        if not self.full:
            self.problems.append(Problem(source.file, source.line, source.key, found, allowed, nearest))

    def value(self, path: str) -> Any:
        """Give a value for a check; when it is wrong or missing the check ends here, silently."""
        value = self.values.get(path, WRONG)
        if value is WRONG:
            raise _UnknownValue(path)
        return value

    def run(self, checks: Iterable[Callable[[Reading], None]]) -> None:
        """Run checks of several values together; one that needs a wrong value is skipped, for that is reported."""
        for check in checks:
            try:
                check(self)
            except _UnknownValue:
                continue


class _UnknownValue(Exception):
    """A check asked for a value that is wrong."""
