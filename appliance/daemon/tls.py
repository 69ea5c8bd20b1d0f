"""The TLS side of a server: TLS 1.2 and later, from the folder that holds its own copy of certificate and key (K06)."""

from __future__ import annotations

import ssl
from pathlib import Path

from appliance.daemon.logs import Told

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; those of 1.3 are all good


class TlsError(Told):
    """Certificate or key cannot be used; the text names the file, for the carer."""


def server_context(folder: Path) -> ssl.SSLContext:
    """Return a context with ``cert.pem`` (chain) and ``key.pem`` of ``folder``; raise :class:`TlsError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ciphers(_CIPHERS)
    _load(context, folder)
    return context


def reload_context(context: ssl.SSLContext, folder: Path) -> None:
    """Let later handshakes of ``context`` use what is in ``folder`` now; raise :class:`TlsError`, change nothing.

    The pair is not loaded into ``context``: OpenSSL keeps one for each kind of key there, so that an RSA one would
    stand beside the former elliptic one, which it goes on showing. Each handshake takes the new context instead.
    """
    fresh = server_context(folder)

    def take_new(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = fresh

    context.sni_callback = take_new


def _load(context: ssl.SSLContext, folder: Path) -> None:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    try:
        for path in (certificate, key):
            path.open("rb").close()
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise TlsError(f"{certificate} and {key.name} cannot be used: {error.reason or error}") from error
    except OSError as error:
        raise TlsError(f"{error.filename}: {error.strerror}") from error
