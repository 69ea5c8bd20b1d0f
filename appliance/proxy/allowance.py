"""How much may pass for a limit that is about files. May live here: that sum. May not: counting (``metering``)."""

from __future__ import annotations

_HANDSHAKES = 64 * 1024
_SHARE = 50


def with_tls(size: int) -> int:
    """Give what ``size`` bytes of a file may take inside tunnels: TLS adds heads, records and handshakes (2 %)."""
    return size + size // _SHARE + _HANDSHAKES
