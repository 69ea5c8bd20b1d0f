"""Where a list names a host, for the carer who asks why: which list, its line, and what stands there.

May live here: searching the lists that the index was made of. May not: which categories a host is in (``index``), how a
list is read (``formats``; a search needs no more than the domain as a word of a line). Hundreds of megabytes are
searched in a second or two, for a person and not for each request.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from appliance.filter.archive import members, plain, refusing
from appliance.filter.entry import Kind
from appliance.filter.index import Match
from appliance.filter.lines import ListRefused
from appliance.filter.record import LISTS
from appliance.filter.sources import OWN, Item, items

if TYPE_CHECKING:
    from appliance.settings.web_lists import WebLists

_BEFORE = frozenset(b" \t\r\n\xa0|/,=")
_AFTER = frozenset(b" \t\r\n#^/$,:")


@dataclass(frozen=True, slots=True)
class Found:
    """``match`` is what the list ``place`` has in ``line`` (from 1; 0: it has no lines, or none of these words)."""

    match: Match
    place: str
    line: int

    def __str__(self) -> str:
        """Say it to the carer."""
        verb = "is taken out of" if self.match.allow else "is in"
        line = f", line {self.line}" if self.line else ""
        return f"{self.match.text} {verb} {self.match.category} by {self.place}{line}"


def found_in(folder: Path, wanted: WebLists, matches: Iterable[Match]) -> tuple[Found, ...]:
    """Give for each of ``matches`` the first list that has it, of those in ``folder``, the package's and the school's.

    One that cannot be read, or is gone meanwhile, is passed over; so is a match that no list has any more.
    """
    found = (next(_of(folder, wanted, match), None) for match in matches)
    return tuple(one for one in found if one is not None)


def _of(folder: Path, wanted: WebLists, match: Match) -> Iterator[Found]:
    for name, mapping in (("without", wanted.without),) if match.allow else (("own", wanted.own),):
        if match.text in mapping.get(match.category, ()):
            yield Found(match, f"web.yaml lists.{name}.{match.category}", 0)
    own = OWN / f"{match.category}.list"
    if line := _searched(match, Item(str(own), "domains", (match.category,)), own, wanted.largest):
        yield Found(match, f"the package's list {own.name}", line)
    for item in items(wanted.sources):
        if match.category in item.categories:
            line = _searched(match, item, folder / LISTS / item.key, wanted.largest)
            if line:
                yield Found(match, item.url, line)


def _searched(match: Match, item: Item, path: Path, largest: int) -> int:
    try:
        with refusing():
            if item.form != "squidguard":
                with plain(path, largest) as file:
                    return _line(match, file)
            for category, kind, file in members(path, largest):
                if category == match.category and kind == f"{match.kind}s":
                    return _line(match, file)
    except (OSError, ListRefused):
        pass
    return 0


def _line(match: Match, file: IO[bytes]) -> int:
    words = _spelled(match.text)
    for number, line in enumerate(file, 1):
        for word in words:
            if word in line and (match.kind is not Kind.DOMAIN or _names(line, word, match.allow)):
                return number
    return 0


def _spelled(text: str) -> tuple[bytes, ...]:
    """Give how a list may write it: with umlauts, too."""
    words = [text]
    if "xn--" in text:
        with contextlib.suppress(UnicodeError):
            words.append(text.encode("ascii").decode("idna"))
    return tuple(word.encode() for word in words)


def _names(line: bytes, word: bytes, allow: bool) -> bool:
    """Whether the ``line`` has ``word`` as a whole domain, by itself, with a dot or ``*.`` before it, in no comment."""
    place = -1
    while (place := line.find(word, place + 1)) >= 0:
        before, rest = line[:place], line[place + len(word) :].removeprefix(b".")[:1]
        lead = before.removesuffix(b".").removesuffix(b"*") if before.endswith(b".") else before
        if (
            not before.startswith((b"#", b"!"))
            and before.startswith(b"@@") == allow
            and b"#" not in before
            and (not lead or lead[-1] in _BEFORE)
            and (not rest or rest[0] in _AFTER)
        ):
            return True
    return False
