"""The school's own certificate, which lies somewhere below /etc: put back where the settings say that it is.

May live here: taking it from the pair that a part of the server has, which came back with the state. May not: judging
it (``setup.own_pair``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_KEY: Final = b"-----BEGIN PRIVATE KEY-----"
_OTHER: Final = "domain"
"""Whose pair is always the local authority's."""


def put_back(settings: Settings) -> bool:
    """Write both files if one is missing and a part has them; whether anything was written. Raises ``OSError``."""
    certificate, key = settings.certificates.certificate, settings.certificates.key
    if certificate is None or key is None or (certificate.exists() and key.exists()):
        return False
    for pair in sorted(settings.server.state.glob("*/tls/pair.pem")):
        if pair.parent.parent.name == _OTHER:
            continue
        chain, begins, private = pair.read_bytes().partition(_KEY)
        if begins:
            for path, content, mode in ((certificate, chain, 0o644), (key, begins + private, 0o600)):
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                write_whole(path, content, mode)
            return True
    return False
