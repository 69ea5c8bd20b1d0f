"""Names and filters of LDAP as text, safe whatever a login or title contains (RFC 4514, RFC 4515).

May live here: escaping and putting together. May not: which attributes or folders there are (``schema``).
"""

from __future__ import annotations

_SPECIAL = frozenset('"+,;<>=\\#')


def base_of(domain: str) -> str:
    """Return the top entry for a domain: ``schule.example`` gives ``dc=schule,dc=example`` (RFC 2247)."""
    return ",".join(f"dc={escaped(label)}" for label in domain.lower().split("."))


def child(attribute: str, value: str, parent: str) -> str:
    """Return the distinguished name of the entry ``attribute=value`` below ``parent``."""
    return f"{attribute}={escaped(value)},{parent}"


def escaped(value: str) -> str:
    """Return ``value`` as it stands in a distinguished name (RFC 4514, 2.4); control characters as hex pairs."""
    return "".join(_in_name(value, place) for place in range(len(value)))


def equals(attribute: str, value: str) -> str:
    """Return the filter ``(attribute=value)`` for exactly this value (RFC 4515, 3)."""
    return f"({attribute}={''.join(_in_filter(char) for char in value)})"


def _in_name(value: str, place: int) -> str:
    char = value[place]
    if char < " " or char == "\x7f":
        return f"\\{ord(char):02x}"
    at_edge = char == " " and place in (0, len(value) - 1)
    return f"\\{char}" if char in _SPECIAL or at_edge else char


def _in_filter(char: str) -> str:
    return f"\\{ord(char):02x}" if char in "*()\\\0" else char
