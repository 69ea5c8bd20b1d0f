"""Logins and passwords as they are typed, brought to the one form in which they are compared. Pure."""

from __future__ import annotations

import unicodedata

from appliance.daemon.secret import Secret

LONGEST = 512


def canonical(login: str, domain: str) -> str:
    """Write a login as the directory does: ``Fred.Mustermann@Schule.Example`` is ``fred.mustermann`` of that domain.

    An address of another domain stays whole, and therefore unknown.
    """
    lowered = login.lower()
    name, at, host = lowered.rpartition("@")
    return name if at and host == domain.lower() else lowered


def prepared(password: Secret) -> Secret | None:
    """Bring a password to NFC, for not every keyboard composes its umlauts (RFC 8265, 4.2); ``None``: it can be none.

    An empty one above all: LDAP takes a bind with it for anonymous and says yes (RFC 4513, 5.1.2).
    """
    text = unicodedata.normalize("NFC", password.reveal())
    return Secret(text) if possible(text) else None


def possible(text: str) -> bool:
    """Whether ``text`` can be a login or password at all: 1 to 512 bytes of UTF-8 without NUL."""
    try:
        return 0 < len(text.encode("utf-8")) <= LONGEST and "\0" not in text
    except UnicodeEncodeError:
        return False
