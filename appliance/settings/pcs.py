"""``pcs.yaml``: what the school's Windows PCs are told by group policy (directory kind ``domain``)."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import Maybe
from appliance.daemon.options_numbers import duration, integer
from appliance.daemon.options_values import Scalar, text

_LETTERS = "DEFGHIJKLMNOPQRSTUVWXYZ"
_PROXY = r"auto|none|https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?"


def _letter(value: str) -> str:
    letter = value.removesuffix(":").upper()
    if len(letter) != 1 or letter not in _LETTERS:
        raise ValueError
    return letter


_LETTER: Scalar[str] = Scalar("letter", "a drive letter from D to Z", _letter, frozenset({"str"}))


@dataclass(frozen=True, slots=True)
class PcSettings:
    """What PCs are told; drives are single upper-case letters or ``None``, ``lock_after`` seconds (0: never)."""

    home_drive: str | None = option(Maybe(_LETTER), "H", "Drive of everybody's own folder.", example="U")
    groups_drive: str | None = option(
        Maybe(_LETTER), "G", "Drive of the folders of classes, courses and clubs.", example="T"
    )
    staff_drive: str | None = option(
        Maybe(_LETTER), "S", "Drive of the staff's folders, for members of a staff group.", example="L"
    )
    proxy: str = option(
        text(_PROXY, "auto, none, or the URL of a PAC file such as http://wpad.schule.example/wpad.dat"),
        "auto",
        "How browsers at the PCs reach the web: auto (this server's proxy over TLS: Edge, Chrome, Firefox), the URL of "
        "a PAC file (all of Windows), or none (the PCs are told nothing).",
        example="http://wpad.schule.example/wpad.dat",
    )
    cached_log_ons: int = option(
        integer(0, 50),
        0,
        "How many people a PC lets log on while it does not reach the server. Who is locked, or left the school, could "
        "do so as well: 0 for PCs that stay in the house, 1 or 2 for notebooks that go home.",
        unit="people",
        example=2,
    )
    lock_after: float = option(
        duration(0, 86400),
        "10 min",
        "A PC at which nobody moves is locked after so long (K22); 0 s: never.",
        example="20 min",
    )
