"""Telling the kernel's firewall something, in the words of nft(8).

May live here: handing a text over, and asking how a table stands. May not: any rule, or which tables there are.
"""

from __future__ import annotations

import subprocess
from typing import Final

_NFT: Final = "/usr/sbin/nft"
_TIME: Final = 10.0


class FirewallError(Exception):
    """The firewall does not do what it is told; the text is its own, without an address."""


def tell(text: str) -> None:
    """Let the firewall do all of ``text``, or nothing of it; raises :class:`FirewallError`."""
    done = _run(("-f", "-"), text)
    if done.returncode != 0:
        raise FirewallError(done.stderr.strip().splitlines()[0] if done.stderr.strip() else f"exit {done.returncode}")


def attempt(text: str) -> bool:
    """As :func:`tell`, where it may well be impossible: say whether it was done."""
    return _run(("-f", "-"), text).returncode == 0


def standing(table: str) -> str | None:
    """Give the rules of the table ``table`` (family and name, ``inet x``) without what its sets hold, if it is there.

    Raises :class:`FirewallError` where the firewall cannot be asked.
    """
    done = _run(("-s", "-t", "list", "table", *table.split()), "")
    return done.stdout if done.returncode == 0 else None


def _run(words: tuple[str, ...], text: str) -> subprocess.CompletedProcess[str]:
    argv = (_NFT, *words)
    try:
        return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=_TIME, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirewallError(f"{_NFT}: {type(error).__name__}") from error
