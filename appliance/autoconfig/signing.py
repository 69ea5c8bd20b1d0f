"""Signing a profile as Apple's devices check it: CMS with the certificate by which this server is known over TLS.

May live here: the signature. May not: what is signed (``apple``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from appliance.daemon.tls import TlsError

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\r?\n?", re.DOTALL)


class Signer:
    """Signs with ``cert.pem`` and ``key.pem`` of ``folder``, as they are when it is made; raises :class:`TlsError`."""

    def __init__(self, folder: Path) -> None:
        try:
            chain = [x509.load_pem_x509_certificate(one) for one in _CERTIFICATE.findall(_read(folder / "cert.pem"))]
            key = serialization.load_pem_private_key(_read(folder / "key.pem"), None)
        except ValueError as error:
            raise TlsError(f"{folder / 'cert.pem'} and key.pem cannot be used to sign: {error}") from error
        if not chain:
            raise TlsError(f"{folder / 'cert.pem'} holds no certificate")
        self._leaf, *self._others = chain
        self._key = key if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) else None

    def sign(self, content: bytes) -> bytes:
        """Return ``content`` inside a signature (RFC 5652, DER); as it is where nobody can sign with such a key."""
        if self._key is None:
            return content  # devices install it too, and say that nobody signed it
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(self._leaf, self._key, hashes.SHA256())
        for one in self._others:
            builder = builder.add_certificate(one)
        return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"{path}: {error.strerror}") from error
