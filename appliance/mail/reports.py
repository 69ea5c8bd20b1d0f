"""Telling a sender what became of a message: delivery status notifications (RFC 3464, RFC 6522, RFC 6533). Pure.

May live here: what a report consists of, as bytes. May not: when one is sent, where it goes, words (``reports_text``).
A report goes to accounts of the school only, so nothing that comes from outside is ever answered by one: its envelope
sender is ``<>``, and it is a reply by itself (RFC 3834), so that none is answered either.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from email.utils import format_datetime

from appliance.daemon.texts import LANGUAGES, translator
from appliance.mail.head import Field, Malformed, as_text, end_of_head, read_fields
from appliance.mail.reports_text import ASK, GREETING, REMOTE, SENTENCES, SUBJECT, SUBJECTS, UNTIL, Action, reason

WHOLE_AT_MOST = 32 * 1024
"""Bytes of a message that a report gives back whole; of a larger one only a part of its head (RFC 3461 4.3 lets us)."""

_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,240}>\Z")
_SUBJECT_LONGEST = 120
_SAID_LONGEST = 400
_KNOWN_BY = frozenset({"cc", "date", "from", "message-id", "subject", "to"})
_FIELD_LONGEST = 1000
_ACTIONS = (Action.FAILED, Action.DELAYED, Action.RELAYED, Action.DELIVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message at ``address``; ``status`` as RFC 3463 writes it (``5.1.1``).

    ``original``: the recipient as the sender's program named it (RFC 3461 ORCPT, decoded: ``rfc822;a@b``). ``remote``:
    the host that ``said`` (its reply) so. ``until``: how long it is tried; aware, as all instants here.
    """

    address: str
    action: Action
    status: str
    original: str | None = None
    remote: str | None = None
    said: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report with our id ``identity``, made ``at``, to the address ``to``, about the message that ``arrived`` then.

    ``envid``: RFC 3461 ENVID, decoded. ``message``: that message, or just its head with the empty line; the whole of it
    is given back only if ``whole`` (RET=FULL), if something failed, and up to :data:`WHOLE_AT_MOST`; else a few fields.
    """

    identity: str
    domain: str
    to: str
    at: datetime
    arrived: datetime
    outcomes: tuple[Outcome, ...]
    envid: str | None = None
    message: bytes = b""
    whole: bool = False


def compose(report: Report) -> bytes:
    """Give the whole message to put into the mailbox of ``report.to``, lines ended by CRLF, with its Return-Path."""
    end = end_of_head(report.message)
    head = report.message if end is None else report.message[:end]
    failed = any(outcome.action is Action.FAILED for outcome in report.outcomes)
    whole = report.whole and failed and end is not None and end < len(report.message) <= WHOLE_AT_MOST
    fields = _readable(head)
    given = report.message if whole else _excerpt(fields)
    beyond = not (head if whole else given).isascii()
    kind = ("global" if beyond else "rfc822") if whole else ("global-headers" if beyond else "rfc822-headers")
    returned = _part(f"{'text' if kind == 'rfc822-headers' else 'message'}/{kind}", given)
    parts = [
        _part("text/plain; charset=utf-8", _quoted(_told(report, fields)), "quoted-printable"),
        _part("message/delivery-status", _status(report)),
        returned,
    ]
    boundary = f"=_{report.identity}"
    while boundary.encode() in report.message:
        boundary += "_"
    edge = f"--{boundary}\r\n".encode()
    body = b"".join(edge + part for part in parts) + f"--{boundary}--\r\n".encode()
    return _head(report, fields, boundary, body.isascii()) + b"\r\n" + body


def _head(report: Report, fields: Sequence[Field], boundary: str, plain: bool) -> bytes:
    action = min((outcome.action for outcome in report.outcomes), key=_ACTIONS.index)
    subject = " / ".join(translator(language)(SUBJECTS[action]) for language in LANGUAGES)
    answered = next((one.value for one in fields if one.name == "message-id" and _MESSAGE_ID.match(one.value)), None)
    lines = [
        "Return-Path: <>",
        f"Date: {format_datetime(report.at)}",
        f"Message-ID: <{report.identity}@{report.domain}>",
        f"From: postmaster@{report.domain}",
        f"To: {report.to}",
        f"Subject: {Header(subject, 'utf-8', header_name='Subject').encode(linesep=_END)}",
        "Auto-Submitted: auto-replied",
        *([] if answered is None else [f"In-Reply-To: {answered.decode()}", f"References: {answered.decode()}"]),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;{_END} boundary="{boundary}"',
        f"Content-Transfer-Encoding: {'7bit' if plain else '8bit'}",
    ]
    return "".join(line + _END for line in lines).encode("ascii")


def _told(report: Report, fields: Sequence[Field]) -> str:
    subject = _subject(fields)
    return "\n\n".join(_in_words(report, subject, translator(language)) for language in LANGUAGES)


def _in_words(report: Report, subject: str, say: Callable[[str], str]) -> str:
    lines = [say(GREETING).format(domain=report.domain), ""]
    if subject:
        lines += [say(SUBJECT).format(subject=subject), ""]
    for action in _ACTIONS:
        chosen = [outcome for outcome in report.outcomes if outcome.action is action]
        lines += [say(SENTENCES[action])] if chosen else []
        for outcome in chosen:
            lines.append(f"  {_plain(outcome.address)}")
            why = (
                None if action in {Action.DELIVERED, Action.RELAYED} else reason(outcome.status, outcome.remote is None)
            )
            lines += [] if why is None else [f"    {say(why)}"]
            if outcome.until is not None:
                lines.append(f"    {say(UNTIL).format(until=f'{outcome.until:%d.%m.%Y %H:%M}')}")
            if outcome.said and outcome.remote:
                lines.append(f"    {say(REMOTE).format(said=_plain(outcome.said))}")
        lines += [""] if chosen else []
    if any(outcome.action is Action.FAILED for outcome in report.outcomes):
        lines.append(say(ASK).format(domain=report.domain))
    return "\n".join(lines).rstrip("\n") + "\n"


def _status(report: Report) -> bytes:
    """The part for programs: one block for the message, one for each recipient (RFC 3464 2.2, 2.3)."""
    blocks: list[list[tuple[str, str | None]]] = [
        [
            ("Original-Envelope-Id", report.envid),
            ("Reporting-MTA", f"dns; {report.domain}"),
            ("Arrival-Date", format_datetime(report.arrived)),
        ]
    ]
    blocks += [
        [
            ("Original-Recipient", outcome.original),
            ("Final-Recipient", f"rfc822; {outcome.address}"),
            ("Action", outcome.action.value),
            ("Status", outcome.status),
            ("Remote-MTA", outcome.remote and f"dns; {outcome.remote}"),
            ("Diagnostic-Code", outcome.said and f"smtp; {outcome.said}"),
            ("Last-Attempt-Date", format_datetime(report.at)),
            ("Will-Retry-Until", None if outcome.until is None else format_datetime(outcome.until)),
        ]
        for outcome in report.outcomes
    ]
    texts = ("".join(f"{name}: {_ascii(value)}\r\n" for name, value in block if value) for block in blocks)
    return "\r\n".join(texts).encode("ascii")


def _part(kind: str, body: bytes, encoding: str | None = None) -> bytes:
    encoding = encoding or ("7bit" if body.isascii() else "8bit")
    ended = body if body.endswith(b"\r\n") else body + b"\r\n"
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + ended + b"\r\n"


def _quoted(text: str) -> bytes:
    return quopri.encodestring(text.encode("utf-8")).replace(b"\n", b"\r\n")


def _excerpt(fields: Sequence[Field]) -> bytes:
    """Give the fields by which somebody knows his message again; a report is small, for it fills a box unasked."""
    found: dict[str, bytes] = {}
    for one in fields:
        if one.name in _KNOWN_BY and len(one.raw) <= _FIELD_LONGEST:
            found.setdefault(one.name, one.raw + b"\r\n")
    return b"".join(found.values()) or b"Subject: \r\n"


def _readable(head: bytes) -> tuple[Field, ...]:
    try:
        return read_fields(head)
    except Malformed:  # not a head that we took; the report is as good without its subject
        return ()


def _subject(fields: Sequence[Field]) -> str:
    value = next((as_text(one.value[:_FIELD_LONGEST]) for one in fields if one.name == "subject"), "")
    try:
        return _plain(str(make_header(decode_header(value))), _SUBJECT_LONGEST)
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return ""


def _plain(text: str, longest: int = _SAID_LONGEST) -> str:
    """Keep what others wrote on one line and within bounds."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= longest else f"{line[:longest]} ..."


def _ascii(text: str) -> str:
    return _plain(text).encode("ascii", "replace").decode("ascii")


_END = "\r\n"
