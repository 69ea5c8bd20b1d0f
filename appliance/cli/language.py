"""The language of whoever sits at the terminal, for texts that pupils and teachers read there."""

from __future__ import annotations

import os
from collections.abc import Callable

from appliance.daemon.texts import translator


def say() -> Callable[[str], str]:
    """What translates into the language of ``LC_ALL``, ``LC_MESSAGES`` or ``LANG`` (locale(7)); English otherwise."""
    chosen = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "en")
    return translator(chosen[:2].lower())
