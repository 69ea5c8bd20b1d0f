"""Whom we believe to be the directory: TLS with a certificate of a known authority, for the name that was called.

May live here: the context of a connection and what its failures mean. May not: the connection (``link``).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_EXPIRED, _NOT_YET = 10, 9
_OTHER_NAME: Final = frozenset({62, 64})
"""What OpenSSL calls them (openssl-verification-options(1): X509_V_ERR_...); 64 is the name's counterpart for an IP."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Authorities whose word counts: those in the file ``ca`` (PEM), or those that this machine knows already."""

    ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a new context, from the file as it is now; raises ``OSError``."""
        context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def explained(failure: OSError) -> str:
    """Return what was wrong when a connection was to become a trusted one; names no host."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        code = failure.verify_code
        if code in _OTHER_NAME:
            return "the directory's certificate is for another name than the one that uri gives"
        if code == _EXPIRED:
            return "the directory's certificate has expired, or the clock of this machine is wrong"
        if code == _NOT_YET:
            return "the directory's certificate is not valid yet, or the clock of this machine is wrong"
        return f"the directory's certificate is signed by nobody that ca knows ({failure.verify_message})"
    if isinstance(failure, ssl.SSLError):
        return f"the directory does not speak TLS there ({failure.reason or 'connection closed'})"
    if isinstance(failure, FileNotFoundError):
        return "the file of ca is missing"
    return f"no answer from the directory ({type(failure).__name__})"
