"""A roster file's bytes to rows (shared formats: generic CSV). Pure: bytes in, rows or all problems out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from appliance.policy.account import Consent, GroupKind, Role
from appliance.roster.columns import ColumnError, resolve
from appliance.roster.logins import UnusableName, group_name, make_login
from appliance.roster.record import GroupRef, Problem, Roster, RosterError, Row
from appliance.settings.accounts import Profile

STAFF_GROUP = GroupRef("kollegium", GroupKind.STAFF, "Kollegium")
_PREFIX = {GroupKind.CLASS: "klasse", GroupKind.COURSE: "kurs", GroupKind.CLUB: "ag"}
_GROUP_COLUMNS = {"class": GroupKind.CLASS, "courses": GroupKind.COURSE, "clubs": GroupKind.CLUB}
_ROLES = {
    "schüler": Role.PUPIL, "schülerin": Role.PUPIL, "schueler": Role.PUPIL, "schuelerin": Role.PUPIL,
    "lehrer": Role.TEACHER, "lehrerin": Role.TEACHER, "lehrkraft": Role.TEACHER,
    "mitarbeiter": Role.STAFF, "mitarbeiterin": Role.STAFF, "personal": Role.STAFF,
    "sekretariat": Role.OFFICE,
    "administrator": Role.ADMIN, "administratorin": Role.ADMIN,
    **{role.value: role for role in Role},
}  # fmt: skip
_CONSENTS = {
    "account": Consent.ACCOUNT, "konto": Consent.ACCOUNT,
    "logs": Consent.LOGS, "protokoll": Consent.LOGS,
    "video": Consent.VIDEO,
    "third-party": Consent.THIRD_PARTY, "drittanbieter": Consent.THIRD_PARTY,
}  # fmt: skip
_LONGEST_NAME = 64
"""What every directory keeps of a given name or surname ([MS-ADA3] 2.155, 2.245)."""
_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_DATES = ("%d.%m.%Y", "%Y-%m-%d", "%Y%m%d")


def decode(content: bytes, filename: str) -> str:
    """Text of a roster: UTF-8 or UTF-16 with BOM, UTF-8, else Windows-1252 or ISO-8859-15.

    Raises :class:`RosterError` where the bytes are none of these (control characters, undefined Windows-1252 bytes).
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            tries = [encoding]
            break
    else:
        # 0x80-0x9f are letters and quotes in Windows-1252 and control characters in ISO-8859-15.
        western = "windows-1252" if any(0x80 <= byte < 0xA0 for byte in content) else "iso-8859-15"
        tries = ["utf-8", western]
    for encoding in tries:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(ord(char) < 32 and char not in "\t\r\n" for char in text):
            return text
    advice = "the encoding is not known: save the file as «CSV UTF-8» (UTF-16, Windows-1252, ISO-8859-15 are read too)"
    raise RosterError((Problem(filename, 0, "", "", advice),))


def read(content: bytes, filename: str, profile: Profile) -> Roster:
    """The people of a CSV file with a header; ``profile`` is one of accounts.yaml.

    Without a role of their own they have the profile's; without that, a file with a column of teachers' short codes is
    one of teachers, every other one of pupils. Raises :class:`RosterError` with ALL the problems.
    """
    text = decode(content, filename)
    lines = _table(text, filename)
    if not lines:
        raise RosterError((Problem(filename, 0, "", "", "the file is empty"),))
    try:
        columns = resolve(lines[0][1], profile.columns)
    except ColumnError as error:
        raise RosterError((Problem(filename, lines[0][0], "header", "", str(error)),)) from None
    default = profile.role or (Role.TEACHER if "teacher_code" in columns else Role.PUPIL)
    reader = _RowReader(filename, lines[0][1], columns, default)
    rows = [row for number, cells in lines[1:] if (row := reader.row(number, cells)) is not None]
    reader.refuse_duplicates(rows)
    if not rows and not reader.problems:
        reader.problems.append(Problem(filename, 0, "", "", "the file has a header and nobody below it"))
    if reader.problems:
        raise RosterError(tuple(sorted(reader.problems, key=lambda problem: problem.line)))
    kinds = {kind for column, kind in _GROUP_COLUMNS.items() if column in columns}
    return Roster(tuple(rows), frozenset(kinds | {GroupKind.STAFF}))


def _table(text: str, filename: str) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, empty ones left out; the separator is the one the header has most of."""
    header = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((reader.line_num, cells))
    except csv.Error as error:
        advice = f"the line cannot be read ({error}); look for a quote that is not closed"
        raise RosterError((Problem(filename, reader.line_num, "", "", advice),)) from None
    return lines


class _RowReader:
    """Reads one row after the other and collects the problems of all."""

    def __init__(self, filename: str, header: Sequence[str], columns: Mapping[str, int], role: Role) -> None:
        self.problems: list[Problem] = []
        self._filename, self._header, self._columns, self._role = filename, header, columns, role

    def _complain(self, line: int, field: str, value: str, advice: str) -> None:
        column = self._header[self._columns[field]].strip() if field in self._columns else field
        self.problems.append(Problem(self._filename, line, column, value, advice))

    def row(self, line: int, cells: Sequence[str]) -> Row | None:
        """The row, or ``None`` when it has a problem (which is kept)."""
        before = len(self.problems)
        if len(cells) < len(self._header) or any(cell.strip() for cell in cells[len(self._header) :]):
            cause = "is the file complete?" if len(cells) < len(self._header) else "put text with a separator in quotes"
            advice = f"{len(cells)} cells under {len(self._header)} headers; {cause}"
            self.problems.append(Problem(self._filename, line, "", "", advice))
            return None
        values = {field: cells[at].strip() if at < len(cells) else "" for field, at in self._columns.items()}
        for field in ("source_id", "given_name", "surname"):
            if not values[field]:
                self._complain(line, field, "", "is empty; every row needs it")
        if len(self.problems) > before:
            return None
        try:
            make_login(values["given_name"], values["surname"], ())
        except UnusableName as error:
            self._complain(line, "given_name", "", f"{error}; write the name in Latin letters")
        if values.get("login") and not _LOGIN.fullmatch(values["login"].lower()):
            self._complain(line, "login", values["login"], "is no login; use letters a-z, digits, dots and hyphens")
        role = self._role_of(line, values.get("role", ""))
        row = Row(
            line=line,
            source_id=values["source_id"],
            given_name=_kept(values["given_name"]),
            surname=_kept(values["surname"]),
            role=role,
            groups=self._groups(line, values, role),
            birth_date=self._date(line, values.get("birth_date", "")),
            consents=self._consents(line, values["consents"]) if "consents" in values else None,
            login=values.get("login", "").lower(),
            role_named=bool(values.get("role")),
        )
        return row if len(self.problems) == before else None

    def _role_of(self, line: int, text: str) -> Role:
        if not text:
            return self._role
        role = _ROLES.get(text.casefold())
        if role is None:
            self._complain(line, "role", text, f"is no role; allowed: {', '.join(_ROLES)}")
        return role or self._role

    def _groups(self, line: int, values: Mapping[str, str], role: Role) -> frozenset[GroupRef]:
        groups = {STAFF_GROUP} if role is not Role.PUPIL else set()
        for field, kind in _GROUP_COLUMNS.items():
            for title in filter(None, (part.strip() for part in values.get(field, "").split(","))):
                try:
                    groups.add(GroupRef(group_name(_PREFIX[kind], title), kind, title))
                except UnusableName as error:
                    self._complain(line, field, title, str(error))
        return frozenset(groups)

    def _date(self, line: int, text: str) -> date | None:
        for pattern in _DATES if text else ():
            try:
                return datetime.strptime(text, pattern).date()
            except ValueError:
                continue
        if text:
            self._complain(line, "birth_date", text, "is no date; write 31.12.2015")
        return None

    def _consents(self, line: int, text: str) -> frozenset[Consent]:
        given = set()
        for word in filter(None, (part.strip().casefold() for part in text.split(","))):
            if word in _CONSENTS:
                given.add(_CONSENTS[word])
            else:
                self._complain(line, "consents", word, f"is no consent; allowed: {', '.join(_CONSENTS)}")
        return frozenset(given)

    def refuse_duplicates(self, rows: Sequence[Row]) -> None:
        """A source ID or a wished login that stands twice makes the whole file ambiguous."""
        for field in ("source_id", "login"):
            seen: dict[str, int] = {}
            for row in rows:
                value = getattr(row, field)
                if value and value in seen:
                    advice = f"stands in line {seen[value]} already; each person needs one of their own"
                    self._complain(row.line, field, value, advice)
                seen.setdefault(value, row.line)


def _kept(name: str) -> str:
    """As many of the words of a name as a directory keeps, so that the next import finds it again as it is here."""
    if len(name) <= _LONGEST_NAME:
        return name
    whole = name[: _LONGEST_NAME + 1].rpartition(" ")[0]
    return whole.rstrip(" -") or name[:_LONGEST_NAME]
