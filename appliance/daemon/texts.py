"""What people read, in their language (gettext, domain ``schoolserver``); English is what the code says."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("de", "en")
"""What people are spoken to in."""

_FOLDER = Path(__file__).resolve().parent.parent / "locale"


@lru_cache(maxsize=8)
def translator(language: str, folder: Path = _FOLDER) -> Callable[[str], str]:
    """Return what translates an English text into ``language`` (``de``), or returns it as it is when it cannot."""
    return gettext.translation("schoolserver", folder, [language], fallback=True).gettext


def language_of(wanted: Sequence[str], usual: str) -> str:
    """Choose German or English by Accept-Language (RFC 9110, 12.5.4), ``usual`` when it asks for neither."""
    best, weight = usual, 0.0
    for part in ",".join(wanted).split(","):
        tag, _, parameter = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if name in LANGUAGES and weight < quality <= 1.0:
            best, weight = name, quality
    return best
