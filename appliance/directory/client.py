"""The way in for whoever needs the directory: ``connect(settings, "auth")``. Blocking; threads may share it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance.directory.errors import DirectoryUnavailable, NotFound
from appliance.directory.link import Link
from appliance.directory.passwords import Passwords
from appliance.directory.place import Place
from appliance.directory.pool import Pool
from appliance.directory.reader import Reader
from appliance.directory.records import Checked
from appliance.directory.whereabouts import Whereabouts, whereabouts
from appliance.directory.writer import Writer

if TYPE_CHECKING:
    from appliance.settings.load import Settings

__all__ = ["Checked", "Directory", "DirectoryUnavailable", "NotFound", "connect"]


class Directory:
    """All that can be asked of a directory; see :class:`Reader`, :class:`Writer` and :class:`Passwords`."""

    def __init__(self, place: Place, domain: str, homes: Path, realm: str = "") -> None:
        reader, writer, passwords = Reader(place), Writer(place, domain, homes, realm), Passwords(place)
        self._place = place
        self.read, self.changed, self.find = reader.read, reader.changed, reader.find
        self.create_account, self.update_account = writer.create_account, writer.update_account
        self.remove_account, self.set_disabled = writer.remove_account, writer.set_disabled
        self.set_log_on = writer.set_log_on
        self.create_group, self.remove_group = writer.create_group, writer.remove_group
        self.add_members, self.remove_members = writer.add_members, writer.remove_members
        self.mark, self.check, self.set_password = passwords.mark, passwords.check, passwords.set_password

    def close(self) -> None:
        """Give the connections back."""
        self._place.service.close()
        self._place.persons.close()


def connect(settings: Settings, account: str) -> Directory:
    """Return the directory of these settings as the service account ``account`` (``supervisor``, ``auth``) sees it.

    Nothing is opened before the first question, and what is lost is opened again with the next one; the account's
    password is read from its file each time.
    """
    where = whereabouts(settings, account)

    def service() -> Link:
        return signed_in(where)

    def persons() -> Link:
        return where.open()

    by_service, by_persons = (Pool(make, settings.directory.connections, where.timeout) for make in (service, persons))
    place = Place(where.dialect, where.tree, by_service, by_persons, where.computed)
    return Directory(place, settings.school.domain, settings.server.data / "homes", where.realm)


def signed_in(where: Whereabouts) -> Link:
    """Open a link and sign in as the service account; raises ``DirectoryUnavailable``, whatever is wrong."""
    link = where.open()
    try:
        answer = link.bind(where.bind_name, where.password_file.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        link.close()
        raise DirectoryUnavailable(
            f"the password of the service account {where.account} cannot be read from {where.password_file}"
        ) from error
    except DirectoryUnavailable:
        link.close()
        raise
    if answer.code != 0:
        link.close()
        raise DirectoryUnavailable(
            f"the directory does not take the password in {where.password_file} (LDAP result {answer.code}); "
            f"{where.remedy}"
        )
    return link
