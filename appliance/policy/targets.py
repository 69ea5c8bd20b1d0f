"""Which host a web request is about. May live here: reading a target. May not: names looked up, lists, answers."""

from __future__ import annotations

import re

_PORT = r"(?::[0-9]{1,5})?"
_NAME = re.compile(rf"([a-z0-9_-]{{1,63}}(?:\.[a-z0-9_-]{{1,63}})*)\.?{_PORT}")
_IPV6 = re.compile(rf"\[([0-9a-f:.]{{2,45}})\]{_PORT}")
_AMBIGUOUS = re.compile(r"[@\\\x00-\x20]")
_LONGEST = 253


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
            authority = authority.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return None
    found = _NAME.fullmatch(authority) or _IPV6.fullmatch(authority)
    return found[1] if found and len(found[1]) <= _LONGEST else None
