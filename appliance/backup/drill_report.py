"""What the head reads about the backup: one page that says what was tried, what was found, since when, what to do.

May live here: words, in German and English (gettext), and their order. May not: drilling, what counts as well
(``drill_standing``). A page names nobody: it may be printed, kept and shown to the authorities.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.backup.drill_result import GROUPS, MAILBOX, Result
from appliance.backup.drill_standing import MOST
from appliance.backup.slices import SLICES

Say = Callable[[str], str]

_WIDTH = 78
_COLUMN = 36
_DATE = "%Y-%m-%d"
_WHAT: Final[Mapping[str, str]] = {
    "pupil": "pupils",
    "teacher": "teachers",
    "staff": "staff",
    "office": "office",
    "admin": "administrators",
    GROUPS: "group folders",
    MAILBOX: "one whole mailbox",
}
_PARTS: Final[Mapping[str, str]] = {
    "homes": "personal files",
    "groups": "files of groups",
    "mail": "mail",
    "audit": "audit log",
    "dump": "settings and accounts (dump)",
    "index": "table of contents",
    "snapshots": "newest copy",
}
_FAULTS: Final[Mapping[str, str]] = {
    "missing": "not there any more",
    "extra": "there, but never sent by the school's server",
    "content": "another content than on the day of the copy",
    "size": "another length than on the day of the copy",
    "type": "another kind of file than on the day of the copy",
    "mode": "other permissions than on the day of the copy",
    "owner": "another owner than on the day of the copy",
    "time": "another date of change than on the day of the copy",
    "attrs": "other access lists than on the day of the copy",
    "section": "contents that cannot be checked, as their list is damaged",
    "signature": "not signed by the school's server",
}
_WORN: Final = frozenset({"missing", "content", "size", "section"})
_TITLE = "Report about the backup of {school}"
_PRINTED = "Made on {date}."
_NONE = "The backup was never tried yet. The server does that by itself each week; the administrators can begin it now."
_WELL = "The backup was tried on {date}. All that was tried came back as it was on the day of the copy."
_BAD = (
    "The backup was tried on {date}, and it is NOT as it must be: {many} faults were found. Much may still be "
    "restored, "
    "but not all."
)
_LATE = "This is too long ago: it should have been tried each week. What follows may be true no more."
_SHORT = "In short"
_TRIED = "What was tried"
_FROM = (
    "The copy of {date} on the backup server, the newest of {copies}. Chance chose from it what was brought back to a "
    "closed place on the school's server, compared there with a signed list from the day of the copy (content, owner, "
    "permissions, date) and then deleted. Nobody opened any of it."
)
_NOT_TRIED = "not tried, there was nothing to be had"
_ROW = "{units} chosen, {files} files and folders compared"
_VERIFIED = (
    "Besides, the backup server read {files} files and folders ({size} GB) from its disk and compared them with "
    "the same "
    "list: part {parts} of {of}. Each part has its turn once a month."
)
_UNTRIED = (
    "Nothing else was tried: the table of contents of the copy is not as the school's server signed it, so there was "
    "nothing to compare with."
)
_DUMPED = "Settings, accounts and passwords (encrypted) were fetched whole and are as they were sealed."
_UNDUMPED = (
    "Settings, accounts and passwords (encrypted) are NOT as they must be: without them the server cannot be restored."
)
_FOUND = "What was found"
_NOTHING = "Nothing that is wrong."
_SINCE = "Since when"
_GOOD_SINCE = "The last {many} drills, back to {date}, found nothing wrong."
_BAD_SINCE = "Faults have been found since {date}; how often in a row: {many}."
_EARLIER = "The drill before that, on {date}, had found nothing wrong."
_TO_DO = "What to do"
_DO_NOTHING = "Nothing. Please keep this page with your papers: it is the proof that the school's data can be restored."
_DO_LATE = (
    "The administrators find out with `schoolserver status` why there was no drill and begin one: `schoolserver "
    "backup drill`."
)
_DO_WORN = (
    "Files were damaged or lost on the backup server, which often means that a disk there is failing. The "
    "administrators "
    "look at its disks today, replace what is worn and then repeat the drill (`schoolserver backup drill`)."
)
_DO_ALTERED = (
    "The copy was altered on the backup server, which nobody may do. The administrators find out today who has access "
    "to that machine. Until that is clear, nothing there may be deleted, and a second backup should be made elsewhere."
)
_DO_ALL = (
    "The school's own data on its server are not touched by this. Which files are concerned is in a list on the "
    "school's "
    "server that only its administrators can read."
)
_SIGNATURE = "Signature"
_SIGNED = "The result was signed by the school's server with its key {fingerprint}; that was checked for this page."
_UNSIGNED = "The signature of the result does NOT fit the server's key {fingerprint}. Do not rely on this page."


@dataclass(frozen=True, slots=True)
class About:
    """Whose report it is: the ``school``'s name, its key's ``fingerprint``, whether that signed the last result."""

    school: str
    fingerprint: str
    signed: bool


def page(found: Sequence[Result], about: About, say: Say, now: datetime) -> str:
    """Write the page from the results of drills (newest first), dates in the zone of ``now``."""
    return _Page(say, now).text(found, about)


class _Page:
    def __init__(self, say: Say, now: datetime) -> None:
        self._say = say
        self._now = now

    def text(self, found: Sequence[Result], about: About) -> str:
        last = found[0] if found else None
        title = self._say(_TITLE).format(school=about.school)
        parts = [title, "=" * min(len(title), _WIDTH), self._said(_PRINTED, date=self._date(self._now))]
        if last is None:
            parts += [*self._headed(_SHORT), self._said(_NONE)]
        else:
            parts += [*self._short(last), *self._tried(last), *self._found(last), *self._since(found)]
            parts += [*self._to_do(last), *self._headed(_SIGNATURE)]
            parts.append(self._said(_SIGNED if about.signed else _UNSIGNED, fingerprint=about.fingerprint))
        return "\n".join(parts) + "\n"

    def _short(self, last: Result) -> Iterator[str]:
        yield from self._headed(_SHORT)
        yield self._said(_WELL if last.well else _BAD, date=self._date(last.began), many=_number(last.found))
        if self._late(last):
            yield self._said(_LATE)

    def _tried(self, last: Result) -> Iterator[str]:
        yield from self._headed(_TRIED)
        yield self._said(_FROM, date=self._date(last.made), copies=_number(last.copies))
        for name, what in _WHAT.items():
            tried = last.tried.get(name)
            if tried is not None:
                row = self._say(_ROW).format(units=tried.units, files=_number(tried.files))
                yield self._row(what, row if tried.units else self._say(_NOT_TRIED))
        if not last.slices:
            yield self._said(_UNTRIED)
            return
        parts = ", ".join(str(number + 1) for number in sorted(last.slices))
        size = _number(round(last.bytes / 1e9, 1))
        yield self._said(_VERIFIED, files=_number(last.files), size=size, parts=parts, of=SLICES)
        yield self._said(_DUMPED if last.dumped else _UNDUMPED)

    def _found(self, last: Result) -> Iterator[str]:
        yield from self._headed(_FOUND)
        if last.well:
            yield self._said(_NOTHING)
        for part, kinds in sorted(last.faults.items()):
            for kind, many in sorted(kinds.items()):
                what = self._say(_FAULTS.get(kind, kind))
                yield self._row(_PARTS.get(part, part), f"{_number(many)}: {what}")

    def _since(self, found: Sequence[Result]) -> Iterator[str]:
        yield from self._headed(_SINCE)
        row = list(itertools.takewhile(lambda one: one.well == found[0].well, found))
        since = row[-1].began
        said = _GOOD_SINCE if found[0].well else _BAD_SINCE
        yield self._said(said, date=self._date(since), many=_number(len(row)))
        if not found[0].well and len(found) > len(row):
            yield self._said(_EARLIER, date=self._date(found[len(row)].began))

    def _to_do(self, last: Result) -> Iterator[str]:
        yield from self._headed(_TO_DO)
        late = self._late(last)
        if late:
            yield self._said(_DO_LATE)
        if last.well:
            if not late:
                yield self._said(_DO_NOTHING)
            return
        kinds = {kind for kinds in last.faults.values() for kind in kinds}
        if kinds & _WORN:
            yield self._said(_DO_WORN)
        if kinds - _WORN:
            yield self._said(_DO_ALTERED)
        yield self._said(_DO_ALL)

    def _late(self, last: Result) -> bool:
        return self._now - last.began > MOST

    def _headed(self, head: str) -> tuple[str, str]:
        return "", self._say(head).upper()

    def _said(self, sentence: str, **words: object) -> str:
        return textwrap.fill(self._say(sentence).format(**words), _WIDTH, break_on_hyphens=False)

    def _row(self, what: str, said: str) -> str:
        first = f"  {self._say(what)}".ljust(_COLUMN)
        return textwrap.fill(first + said, _WIDTH, subsequent_indent=" " * _COLUMN, break_on_hyphens=False)

    def _date(self, at: datetime) -> str:
        return f"{at.astimezone(self._now.tzinfo):{self._say(_DATE)}}"


def _number(many: float) -> str:
    """With blanks between thousands, as both languages can read it."""
    return f"{many:,}".replace(",", " ")
