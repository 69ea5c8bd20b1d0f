"""The file that makes a Debian PC a PC of the school: ``linux_pc.sh`` with what is this school's. Pure.

May live here: filling in. May not: making the PC's account (``computers``), what the PC does (``linux_pc.sh``).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"(?=.*[a-z])[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")
"""What a PC can be called, in the domain and in DNS."""
TEMPLATE = Path(__file__).with_suffix(".sh")
RULES: Final[Mapping[str, str]] = {
    "de": "Ein neues Passwort braucht mindestens 8 Zeichen: große und kleine Buchstaben, Ziffern und Sonderzeichen. "
    "Es enthält weder Ihren Namen noch den der Schule und ist mehr als ein bekanntes Wort oder eine Tastenreihe.",
    "en": "A new password needs at least 8 characters: capital and small letters, digits and special characters. "
    "It contains neither your name nor that of the school and is more than a common word or a row of keys.",
}
"""What K02 asks for, by the school's language, as a PC shows it before a password is chosen."""


def render_script(
    template: str, *, name: str, domain: str, server: str, authority: str, once: str, cached_log_ons: bool, rule: str
) -> str:
    """Return the shell script for the PC ``name``: ``authority`` in PEM, ``once`` its password for joining.

    ``cached_log_ons``: whether those who logged on there may do so while the PC does not reach ``server`` (full name).
    """
    words = {"NAME": name, "DOMAIN": domain, "REALM": domain.upper(), "SERVER": server, "ONCE": once}
    given = {key: shlex.quote(word) for key, word in words.items()}
    given |= {"CACHED": str(cached_log_ons).lower(), "CA": authority.strip(), "RULE": rule}
    return re.sub(r"@([A-Z]+)@", lambda found: given[found[1]], template)
