"""The way in for whoever needs the directory: ``connect(settings, "auth")``. Blocking; threads may share it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from appliance.directory.errors import DirectoryUnavailable, NotFound
from appliance.directory.link import Link
from appliance.directory.openldap import OpenLdap
from appliance.directory.passwords import Passwords
from appliance.directory.place import Place
from appliance.directory.pool import Pool
from appliance.directory.reader import Reader
from appliance.directory.records import Checked
from appliance.directory.slapd.embedded import embedded, password_file, tree_of
from appliance.directory.writer import Writer

if TYPE_CHECKING:
    from appliance.settings.load import Settings

__all__ = ["Checked", "Directory", "DirectoryUnavailable", "NotFound", "connect"]


class Directory:
    """All that can be asked of a directory; see :class:`Reader`, :class:`Writer` and :class:`Passwords`."""

    def __init__(self, place: Place, domain: str, homes: Path) -> None:
        reader, writer, passwords = Reader(place), Writer(place, domain, homes), Passwords(place)
        self._place = place
        self.read, self.changed, self.find = reader.read, reader.changed, reader.find
        self.create_account, self.update_account = writer.create_account, writer.update_account
        self.remove_account, self.set_disabled = writer.remove_account, writer.set_disabled
        self.create_group, self.remove_group = writer.create_group, writer.remove_group
        self.add_members, self.remove_members = writer.add_members, writer.remove_members
        self.check, self.set_password = passwords.check, passwords.set_password

    def close(self) -> None:
        """Give the connections back."""
        self._place.service.close()
        self._place.persons.close()


def connect(settings: Settings, account: str) -> Directory:
    """Return the directory of these settings as the service account ``account`` (``supervisor``, ``auth``) sees it.

    Nothing is opened before the first question, and what is lost is opened again with the next one; the account's
    password is read from its file each time.
    """
    directory = settings.directory
    existing = directory.uri if directory.kind == "ldap" else None
    uri = existing or f"ldapi://{quote(str(embedded(settings).socket), safe='')}"
    tree, file = tree_of(settings), password_file(settings, account)

    def persons() -> Link:
        return Link(uri, directory.timeout)

    def service() -> Link:
        link = persons()
        try:
            answer = link.bind(tree.service(account), file.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            link.close()
            raise DirectoryUnavailable(f"the password of the service account {account} cannot be read") from error
        except DirectoryUnavailable:
            link.close()
            raise
        if answer.code != 0:
            link.close()
            raise DirectoryUnavailable(
                f"the directory does not take the password in {file} (LDAP result {answer.code}); "
                "remove that file and restart the directory to have a new one made"
            )
        return link

    pools = (Pool(make, directory.connections, directory.timeout) for make in (service, persons))
    return Directory(Place(OpenLdap(), tree, *pools), settings.school.domain, settings.server.data / "homes")
