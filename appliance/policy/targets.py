"""What a request is about: the host of one on the web, the folders of one for files.

May live here: reading a target. May not: names looked up, lists, answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_PORT = r"(?::[0-9]{1,5})?"
_NAME = re.compile(rf"([a-z0-9_-]{{1,63}}(?:\.[a-z0-9_-]{{1,63}})*)\.?{_PORT}")
_IPV6 = re.compile(rf"\[([0-9a-f:.]{{2,45}})\]{_PORT}")
_AMBIGUOUS = re.compile(r"[@\\\x00-\x20]")
_LONGEST = 253
_DOTS = re.compile(r"[.\u3002\uff0e\uff61]")
_OWN_LETTERS = frozenset("ßς")
"""What browsers do not write as another letter (RFC 5891, UTS 46 not transitional), while Python's codec does."""


def host_of(target: str) -> str | None:
    """Give the host (lower case, IDNA, no final dot; IPv6 without brackets) of a URL, of ``host:port`` or of ``host``.

    ``None`` when there is none that every program reads the same way: a reader that guesses can be led past a rule.
    """
    _, scheme, rest = target.partition("://")
    user, _, authority = re.split(r"[/?#]", rest if scheme else target, maxsplit=1)[0].lower().rpartition("@")
    if _AMBIGUOUS.search(user):
        return None
    if not authority.isascii():
        try:
            authority = ".".join(_label(one) for one in _DOTS.split(authority))
        except UnicodeError:
            return None
    found = _NAME.fullmatch(authority) or _IPV6.fullmatch(authority)
    return found[1] if found and len(found[1]) <= _LONGEST else None


def _label(label: str) -> str:
    if _OWN_LETTERS.isdisjoint(label):
        return label.encode("idna").decode("ascii").lower()
    plain = unicodedata.normalize("NFKC", label).lower()
    return f"xn--{plain.encode('punycode').decode('ascii')}"


def domains_of(host: str) -> frozenset[str]:
    """Give ``host`` (as :func:`host_of` gives it) and all domains above it."""
    found = [host]
    while "." in host:
        host = host.partition(".")[2]
        found.append(host)
    return frozenset(found)


def is_below(host: str, domains: Iterable[str]) -> bool:
    """Whether ``host`` (as :func:`host_of` gives it) is one of ``domains``, or below one."""
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def path_parts(path: str) -> list[str]:
    """Give the names in a share path from the top on, with ``.`` and ``..`` worked out as the drives do."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts
