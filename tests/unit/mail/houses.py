"""The house of mail's unit tests."""

from __future__ import annotations

from typing import Any

from appliance.mail.house import House

_PARTS = ("checker", "journal", "space", "spool", "hours", "weights", "device_hours", "device_weights")


def house_of(one: Any, **others: Any) -> House:
    """Give a house all of whose parts are ``one``, which answers what its test asks of them, but for ``others``."""
    parts = dict.fromkeys(_PARTS, one)
    return House(**{"snapshot": lambda: one.snapshot, **parts, "translate": str, "recipients_max": 3} | others)
