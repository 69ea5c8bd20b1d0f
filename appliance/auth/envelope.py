"""Sealed envelopes: what passes through the supervisor without being read by it (NaCl sealed boxes, base64 text).

May live here: sealing and opening of JSON values. May not: what they mean, or where the keys are kept.
"""

from __future__ import annotations

import base64
import binascii
import json

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

Sealable = dict[str, str] | list[dict[str, str]]


class BrokenEnvelope(Exception):
    """The envelope was not sealed for this key, was altered, or the key is none."""


class Keys:
    """A pair of keys that lives in memory only and dies with its process."""

    def __init__(self, private: PrivateKey) -> None:
        self._private = private

    @classmethod
    def generate(cls) -> Keys:
        """Make a fresh pair."""
        return cls(PrivateKey.generate())

    @property
    def public(self) -> str:
        """The public key, 32 bytes as base64: who has it can seal, not open."""
        return base64.b64encode(bytes(self._private.public_key)).decode("ascii")

    def open(self, text: str) -> Sealable:
        """Open what was sealed for :attr:`public`; raises :class:`BrokenEnvelope`."""
        try:
            plain = SealedBox(self._private).decrypt(base64.b64decode(text.encode("ascii"), validate=True))
            value = json.loads(plain)
        except (CryptoError, binascii.Error, UnicodeError, ValueError) as error:
            raise BrokenEnvelope("not an envelope for this key") from error
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if not isinstance(part, dict) or not all(isinstance(field, str) for field in part.values()):
                raise BrokenEnvelope("the envelope holds something else than texts")
        sealed: Sealable = value
        return sealed


def seal(value: Sealable, recipient: str) -> str:
    """Seal ``value`` for the public key ``recipient`` (base64); raises :class:`BrokenEnvelope` if that is no key."""
    try:
        key = PublicKey(base64.b64decode(recipient.encode("ascii"), validate=True))
    except (CryptoError, binascii.Error, UnicodeError, ValueError, TypeError) as error:
        raise BrokenEnvelope("the recipient is not a public key") from error
    return base64.b64encode(SealedBox(key).encrypt(json.dumps(value).encode("utf-8"))).decode("ascii")


def open_passwords(keys: Keys, sealed: str) -> dict[str, str]:
    """One-time passwords by login: ``sealed`` has one envelope a line, each with a list of ``login`` and ``password``.

    Raises :class:`BrokenEnvelope`.
    """
    opened: dict[str, str] = {}
    for envelope in sealed.split():
        entries = keys.open(envelope)
        for entry in entries if isinstance(entries, list) else [entries]:
            opened[entry["login"]] = entry["password"]
    return opened
