"""What a verb of the control socket is: a name in a closed table, typed arguments, one function.

May live here: these types and the check of arguments. May not: any verb (``verbs_*``), HTTP (``control``), Twisted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

TEXT_LIMIT: Final = 500
_WORDS: Final = {str: "a text", bool: "true or false", list: "a list of texts"}


class VerbError(Exception):
    """A verb says no, or cannot now. ``kind`` is for programs, ``text`` for the carer: what, why, what to do."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


@dataclass(frozen=True, slots=True)
class Argument:
    """A value of ``type`` ``str``, ``bool`` or ``list`` (of texts).

    ``choices``: the only texts allowed, in a list too. ``limit``: characters of a text. One that is not ``required``
    may be left out or null and is then ``default``.
    """

    type: type[str] | type[bool] | type[list[str]] = str
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()
    limit: int = TEXT_LIMIT

    def problem(self, value: object) -> str | None:
        """What is wrong with ``value``, in words that follow the argument's name; ``None``: nothing."""
        if type(value) is not self.type:
            return f"must be {_WORDS[self.type]}"
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, bool):
                continue
            if not isinstance(text, str):
                return f"must be {_WORDS[self.type]}"
            if len(text) > self.limit:
                return f"has {len(text)} characters; {self.limit} are allowed"
            if self.choices and text not in self.choices:
                return f"must be one of {', '.join(self.choices)}"
        return None


def optional(type_: type[str] | type[bool] | type[list[str]] = str, **more: Any) -> Argument:
    """Make an argument that may be left out."""
    return Argument(type_, required=False, **more)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: checked ``arguments`` (each of the verb's, left out ones at their default), who asks, progress.

    ``by`` is the user name of the peer. ``progress(done, total, text)`` may be called from the verb's thread.
    """

    arguments: Mapping[str, Any]
    by: str
    progress: Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Verb:
    """``run`` is called in a thread and may block; it returns a JSON object or raises :class:`VerbError`."""

    run: Callable[[Call], dict[str, Any]]
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give all arguments with their defaults; raises :class:`VerbError` that names the first wrong one."""
        for name in given:
            if name not in self.arguments:
                known = ", ".join(self.arguments) or "none"
                raise VerbError("wrong-arguments", f"argument {name[:40]!r} is unknown; known: {known}")
        checked = {}
        for name, argument in self.arguments.items():
            value = given.get(name)
            if value is None and argument.required:
                raise VerbError("wrong-arguments", f"argument {name!r} is missing")
            problem = None if value is None else argument.problem(value)
            if problem:
                raise VerbError("wrong-arguments", f"argument {name!r} {problem}")
            checked[name] = argument.default if value is None else value
        return checked
