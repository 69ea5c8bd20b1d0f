"""What people read, in their language (gettext, domain ``schoolserver``); English is what the code says."""

from __future__ import annotations

import gettext
from collections.abc import Callable
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
