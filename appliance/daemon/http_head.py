"""Reading the head of a request or response: a strict check of its bytes (RFC 9112), then its parts.

May live here: grammar, pure. May not: what a head means (``http_framing``, services), a socket, a decision. What two
programs could read in two ways is refused: bare CR or LF, folded lines, space around a name, control characters, two
Hosts. Who passes a request on writes its head anew, from lines that were checked.

Nearly all heads are in normal form, ``Name: value`` without further white space: one pattern checks the whole of such
a head. All others are read line by line and brought into normal form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

HEAD_MAX = 32 * 1024
"""Longest head in bytes, its empty line included."""
_TARGET_MAX = 8 * 1024
_FIELDS_MAX = 100

_BLANK = "\t "
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TEXT = r"[\t\x20-\x7e\x80-\xff]"
_FIELD = re.compile(rf"({_NAME}{{1,256}}+):({_TEXT}*+)")
_REQUEST_LINE = re.compile(rf"({_NAME}{{1,32}}+) ([\x21-\x7e]++) HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rf"HTTP/1\.([01]) ([1-9][0-9]{{2}})(?: ({_TEXT}*+))?")
# Nothing here can be matched in two ways: a head that does not fit costs as many steps as one that does. The group of a
# line is not made possessive: Python 3.11 does not match such groups rightly.
_LINES = rf"\r((?:\n{_NAME}{{1,256}}+: [\x21-\x7e\x80-\xff]{_TEXT}*+(?<![\t ])\r){{0,{_FIELDS_MAX}}})\n\r\n"
_REQUEST = re.compile(_REQUEST_LINE.pattern + _LINES)
_RESPONSE = re.compile(_STATUS_LINE.pattern + _LINES)
_NORMAL_FIELD = re.compile(r"\n([^:]++): ([^\r]*+)\r")

NEAR = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields about one connection, about where a message goes, how much of it is wanted and where it ends."""
_INITIALS = "".join(sorted({name[0] + name[0].upper() for name in NEAR}))
# With the first letter most lines are done.
_NEAR = re.compile(rf"\n(?=[{_INITIALS}])((?i:{'|'.join(sorted(NEAR))})): ([^\r]*+)\r", re.ASCII)
_USUAL: Mapping[tuple[str, ...], frozenset[str]] = {
    ("keep-alive",): frozenset({"keep-alive"}),
    ("Keep-Alive",): frozenset({"keep-alive"}),
    ("close",): frozenset({"close"}),
}
_NONE: frozenset[str] = frozenset()

Field = tuple[str, str, str]
"""Name in lower case, name as sent, value (latin-1, without white space around it)."""


class BadHead(ValueError):
    """The head cannot be served; ``status`` is the reply to a client that sent it (RFC 9110, 15.5)."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True, eq=False)
class _Head:
    r"""The fields of a head, apart: ``near`` are those of :data:`NEAR`, by name in lower case, ``far`` all other lines.

    ``lines`` and ``far`` are in normal form, latin-1; each line stands between ``\n`` and ``\r``. ``named``: what
    Connection lists, in lower case (RFC 9110, 7.6.1).
    """

    minor: int
    lines: str
    near: Mapping[str, tuple[str, ...]]
    far: str
    named: frozenset[str]

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields in their order; made anew each time."""
        return tuple((name.lower(), name, value) for name, value in _NORMAL_FIELD.findall(self.lines))

    def values(self, key: str) -> list[str]:
        """The values of the fields called ``key`` (lower case)."""
        if key in NEAR:
            return list(self.near.get(key, ()))
        return [value for name, _, value in self.fields if name == key]


@dataclass(slots=True, eq=False)
class RequestHead(_Head):
    """``method``, ``target`` as sent, HTTP/1.``minor``, and its fields."""

    method: str
    target: str

    def only(self, key: str) -> RequestHead:
        """Give this one without any fields but those called ``key`` (lower case, none of :data:`NEAR`)."""
        lines = "".join(f"\n{name}: {value}\r" for low, name, value in self.fields if low == key)
        return RequestHead(self.minor, lines, {}, lines, _NONE, self.method, self.target)

    def likeness(self, secret: str) -> RequestHead:
        """Give what :func:`request_head_like` needs: no first line, no fields called ``secret`` (lower case, near)."""
        near = {name: values for name, values in self.near.items() if name != secret}
        return RequestHead(self.minor, self.far, near, self.far, self.named, "", "")


@dataclass(slots=True, eq=False)
class ResponseHead(_Head):
    """HTTP/1.``minor``, ``status`` from 100 to 999, its ``phrase``, and its fields."""

    status: int
    phrase: str


def cut_head(buffer: bytearray, seen: int = 0) -> bytes | None:
    """Take a head with its empty line out of the front of ``buffer``; ``None`` while it is not there as a whole.

    ``seen`` as in :func:`head_end`, which also says what is raised.
    """
    end = head_end(buffer, seen)
    if not end:
        return None
    head = bytes(buffer[:end])
    del buffer[:end]
    return head


def head_end(data: bytes | bytearray, seen: int = 0) -> int:
    """Give the length in bytes of the head at the front of ``data``, with its empty line; 0 while it is not whole.

    The first ``seen`` bytes were asked about before, so that a head that arrives byte by byte is searched once only.
    Raises :class:`BadHead` as soon as it cannot become one: too long, or a line that ends with a bare LF.
    """
    end = data.find(b"\r\n\r\n", seen - 3 if seen > 3 else 0, HEAD_MAX)
    if end >= 0:
        return end + 4
    if data.count(b"\n", seen, HEAD_MAX) != data.count(b"\r\n", max(0, seen - 1), HEAD_MAX):
        raise BadHead("a line ends with a bare LF")
    if len(data) >= HEAD_MAX:
        raise BadHead("the head is too long", 431)
    return 0


def request_head(head: bytes) -> RequestHead:
    """Read the head of a request, its empty line included; raises :class:`BadHead`."""
    text = head.decode("latin-1")
    found = _REQUEST.fullmatch(text)
    method, target, major, minor, lines = found.groups() if found else _slowly(text, _REQUEST_LINE)
    if major != "1":
        raise BadHead("another version of HTTP", 505)
    if len(target) > _TARGET_MAX:
        raise BadHead("the target is too long", 414)
    near, far = _sorted(lines)
    if len(near.get("host", ())) != 1 and ("host" in near or minor != "0"):
        raise BadHead("there must be one Host")  # RFC 9112, 3.2
    return RequestHead(0 if minor == "0" else 1, lines, near, far, _named(near), method, target)


def request_head_like(line: bytes, like: RequestHead) -> RequestHead | None:
    """Read a head that has the fields of ``like``, a :meth:`~RequestHead.likeness` with a Host, after its own ``line``.

    The line is without its CRLF. ``None``: there is something against it, which :func:`request_head` tells. What is
    given has the far ``lines`` only, from which all that is asked of a head comes out the same.
    """
    found = _REQUEST_LINE.fullmatch(line.decode("latin-1"))
    if found is None or len(line) > _TARGET_MAX:
        return None
    method, target, major, minor = found.groups()
    if major != "1" or minor == "0":
        return None
    return RequestHead(1, like.lines, like.near, like.far, like.named, method, target)


def response_head(head: bytes) -> ResponseHead:
    """Read the head of a response, its empty line included; raises :class:`BadHead`."""
    text = head.decode("latin-1")
    found = _RESPONSE.fullmatch(text)
    minor, status, phrase, lines = found.groups() if found else _slowly(text, _STATUS_LINE)
    near, far = _sorted(lines)
    phrase = (phrase or "").strip(_BLANK)
    return ResponseHead(0 if minor == "0" else 1, lines, near, far, _named(near), int(status), phrase)


def is_field(line: bytes) -> bool:
    """Whether ``line``, without its CRLF, is a field (RFC 9112, 5)."""
    return _FIELD.fullmatch(line.decode("latin-1")) is not None


def _slowly(text: str, first: re.Pattern[str]) -> tuple[str, ...]:
    """Read line by line; give the parts of the ``first`` line and the fields in normal form."""
    lines = text.split("\r\n", _FIELDS_MAX + 3)
    if len(lines) > _FIELDS_MAX + 3:
        raise BadHead("too many fields", 431)
    if lines[-2:] != ["", ""]:
        raise BadHead("the head does not end with an empty line")
    fields = []
    for line in lines[1:-2]:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadHead("a line is no field")
        fields.append(f"\n{found[1]}: {found[2].strip(_BLANK)}\r")
    start = first.fullmatch(lines[0])
    if start is None:
        raise BadHead("the first line is not one of HTTP")
    return (*start.groups(), "".join(fields))


def _sorted(lines: str) -> tuple[Mapping[str, tuple[str, ...]], str]:
    """Give the values of the near fields and the lines of the far ones."""
    parts = _NEAR.split(lines)  # far lines, name, value, far lines, name, value, ..., far lines
    near: dict[str, tuple[str, ...]] = {}
    for number in range(1, len(parts), 3):
        name = parts[number].lower()
        near[name] = (*near[name], parts[number + 1]) if name in near else (parts[number + 1],)
    return near, "".join(parts[::3])


def _named(near: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    told = near.get("connection", ())
    if "proxy-connection" in near:
        told += near["proxy-connection"]
    if not told:
        return _NONE
    usual = _USUAL.get(told)
    return frozenset(part.strip().lower() for value in told for part in value.split(",")) if usual is None else usual
