"""What can go wrong with a directory. Texts name no person: they may reach the journal. Temporary is not refused."""

from __future__ import annotations


class DirectoryError(Exception):
    """The directory did not do what was asked."""


class DirectoryUnavailable(DirectoryError):
    """It is away, slow, busy or has no room: try later, nothing is known about what was asked."""


class DirectoryRefused(DirectoryError):
    """It answered no, and will again; the text is the name of the LDAP result (RFC 4511, 4.1.9) and what it said."""


class NotFound(DirectoryRefused):
    """There is no such account or group."""


class AlreadyExists(DirectoryRefused):
    """There is such an account or group, or its numeric id is taken."""
