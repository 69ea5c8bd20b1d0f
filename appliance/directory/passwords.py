"""Passwords: trying one, writing one. Whether a password is good enough (K02) is decided before it comes here."""

from __future__ import annotations

import contextlib
from typing import Final

from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryUnavailable, NotFound
from appliance.directory.place import Place
from appliance.directory.records import Checked, Mark
from appliance.directory.schema import Field

_STABLE: Final = (Field.UUID, Field.CHANGED)
_MARK: Final = (*_STABLE, Field.PASSWORD_CHANGED)
"""Who it is and which change of it was the last; the time, for a database from the copy counts changes anew."""


class Passwords:
    """Tries and writes passwords of ``place``; all methods raise ``DirectoryUnavailable``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def check(self, login: str, password: Secret) -> Checked:
        """Sign in as ``login`` on a kept connection.

        An empty password is wrong: the protocol takes it for no sign-in at all and says yes (RFC 4513, 5.1.2).
        """
        text = password.reveal()
        if not login or not text:
            return Checked.WRONG
        dialect, name = self._place.dialect, self._name(login)
        with self._place.persons.link() as link:
            answer = link.bind(name, text, dialect.bind_controls)
            try:
                checked = dialect.checked(answer)
            except ValueError as error:
                raise DirectoryUnavailable(f"the directory's answer cannot be read: {error}") from error
        if checked is None:
            raise DirectoryUnavailable(f"the directory did not check a password (LDAP result {answer.code})")
        return checked

    def mark(self, login: str) -> Mark | None:
        """Say how the account of ``login`` stands: as long as its mark is the same, a right password is right.

        To be read before :meth:`check`, for what changes in between must count. ``None``: there is no such account, or
        too little of it is shown. Raises ``DirectoryRefused`` too.
        """
        names = self._place.dialect.schema
        with self._place.link() as link:
            try:
                found = self._place.account_entry(link, login, _MARK).attributes
            except NotFound:
                return None
        if not all(found.get(names[field]) for field in _STABLE):
            return None
        return tuple(b"".join(found.get(names[field], ())) for field in _MARK)

    def set_password(self, login: str, password: Secret, must_change: bool) -> None:
        """Write a password and whether it must be changed before anything opens (K03), both or none.

        Raises ``NotFound`` and ``DirectoryRefused`` too; ``ValueError`` for an empty one, and for one that must be
        changed and begins with a brace.
        """
        if not password:
            raise ValueError("an empty password")
        changes = self._place.dialect.write_password(password, must_change)
        with self._place.link() as link:
            name = self._place.account_at(link, login)
            if changes is None:
                link.set_password(name, password.reveal().encode())
            else:
                link.modify(name, changes)

    def _name(self, login: str) -> str:
        """The name to sign in with; an unknown login is tried like any other, by a name that nobody has."""
        if not self._place.computed:
            with self._place.link() as link, contextlib.suppress(NotFound):
                return self._place.account_at(link, login)
        return self._place.account_name(login)
