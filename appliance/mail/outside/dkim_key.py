"""Signing what leaves the school (DKIM, RFC 6376): the key, the record for the DNS, the signature.

May live here: these three. May not: what is signed when. The key is made once, is mail's own (0600) and never leaves
the machine. The head is signed by Debian's ``dkim``; the body is hashed here, piece by piece: the library takes it as
one, and a body of blanks or of empty lines would cost it minutes or memory.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import parse_pem_private_key

from appliance.daemon.whole_file import write_whole

_BITS = 2048
_EMPTY_LINES = b"\r\n" * 4096
_CANONICAL = b"relaxed/simple"
# Each that is there is signed; those of the second row once more, so that none can be added (RFC 6376 5.4.2).
_SIGNED = (
    *(b"to", b"cc", b"message-id", b"reply-to", b"in-reply-to", b"references", b"sender"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding", b"from", b"subject", b"date"),
)
_ONCE_MORE = (b"from", b"subject", b"date")


class NoSignature(Exception):
    """A message cannot be signed; the cause is for the carer."""


class SigningKey:
    """The key ``selector`` in ``folder`` (``<state>/mail/dkim``) for the school's ``domain``."""

    def __init__(self, folder: Path, selector: str, domain: str) -> None:
        self._path = folder / f"{selector}.pem"
        self._selector = selector
        self._domain = domain

    def make(self) -> None:
        """Make the key unless there is one. Raise ``OSError``."""
        if self._path.exists():
            return
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        write_whole(self._path, pem, 0o600)

    @property
    def name(self) -> str:
        """The name in the DNS at which receivers look for the record."""
        return f"{self._selector}._domainkey.{self._domain}"

    def record(self) -> str:
        """Give the text of the TXT record. Raise ``OSError`` or ``ValueError``."""
        key = serialization.load_pem_private_key(self._path.read_bytes(), None)
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"

    def signature(self, head: bytes, body: Iterable[bytes]) -> bytes:
        """Give the line to put above ``head`` (with its empty line), with its CRLF. Raise :class:`NoSignature`."""
        try:
            signer = dkim.DKIM(head)
            signer.hasher = hashlib.sha256
            there = {name.lower() for name, _value in signer.headers}
            signed = (*(name for name in _SIGNED if name in there), *_ONCE_MORE)
            fields = [
                (b"v", b"1"),
                (b"a", b"rsa-sha256"),
                (b"c", _CANONICAL),
                (b"d", self._domain.encode()),
                (b"s", self._selector.encode()),
                (b"t", str(int(time.time())).encode()),
                (b"h", b" : ".join(signed)),
                (b"bh", base64.b64encode(body_digest(body))),
                (b"b", b"0" * 60),
            ]
            policy, key = (
                CanonicalizationPolicy.from_c_value(_CANONICAL),
                parse_pem_private_key(self._path.read_bytes()),
            )
            written: bytes = signer.gen_header(fields, signed, policy, b"DKIM-Signature", key)
        except (dkim.DKIMException, OSError, ValueError) as problem:
            raise NoSignature(f"it cannot be signed: {type(problem).__name__}") from problem
        return b"DKIM-Signature: " + written


def body_digest(body: Iterable[bytes]) -> bytes:
    """Give the SHA-256 of a body of CRLF lines, of the empty lines at whose end one is left (RFC 6376 3.4.3)."""
    digest = hashlib.sha256()
    empty, rest = 0, b""
    for chunk in body:
        data = rest + chunk
        rest = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(rest)]
        text = data.rstrip(b"\r\n")
        if text:
            for _ in range(empty // 4096):
                digest.update(_EMPTY_LINES)
            digest.update(_EMPTY_LINES[: 2 * (empty % 4096)])
            digest.update(text)
            empty = 0
        empty += (len(data) - len(text)) // 2
    digest.update(b"\r\n")
    return digest.digest()
