"""The arguments of MAIL and RCPT (RFC 5321 4.1.2), split without understanding them. Pure.

May live here: text in, parts out, for whatever a client sends. May not: replies, and whose address it is
(``addresses``). aiosmtpd's own parser of addresses stumbles over some of what clients send.
"""

from __future__ import annotations

import re

_PATH = re.compile(r"\s*(?:<([^<>]*)>|([^\s<>]+))(?:\s+(.*))?\Z", re.DOTALL)
_WRONG_SIZE = re.compile(r"\sSIZE=(?![0-9]{1,20}(?:\s|\Z))")


def split_path(argument: str) -> tuple[str, str] | None:
    """Give address and parameters of ``<address> parameters``; the empty address is ``<>``. ``None``: not readable."""
    found = _PATH.match(argument)
    if found is None:
        return None
    inside, bare, parameters = found.groups()
    return inside or bare or "<>", parameters or ""


def sizes_are_numbers(argument: str) -> bool:
    """Say whether every SIZE among the parameters in ``argument`` is a number in ASCII digits (RFC 1870)."""
    return _WRONG_SIZE.search(argument.upper()) is None
