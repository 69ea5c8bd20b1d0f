"""Public keys of ssh as text. May live here: what one looks like. May not: private keys, files, or ssh's programs."""

from __future__ import annotations

import base64
import binascii

_KIND = "ssh-ed25519"
_HEAD = b"\x00\x00\x00\x0b" + _KIND.encode() + b"\x00\x00\x00\x20"
_LENGTH = len(_HEAD) + 32


def checked(text: object) -> str:
    """Give an Ed25519 public key as ``ssh-ed25519 BASE64``, without its comment (RFC 8709); raises ``ValueError``.

    What it gives holds no blank, quote or line end beyond that one blank, so it can stand in a line of a file.
    """
    words = text.split(" ") if isinstance(text, str) and text.isascii() else []
    if words[:1] != [_KIND] or len(words) < 2:
        raise ValueError("no Ed25519 public key of ssh")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error as error:
        raise ValueError("no Ed25519 public key of ssh") from error
    if len(blob) != _LENGTH or not blob.startswith(_HEAD):
        raise ValueError("no Ed25519 public key of ssh")
    return f"{_KIND} {base64.b64encode(blob).decode()}"
