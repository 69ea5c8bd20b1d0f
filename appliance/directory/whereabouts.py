"""Which directory the settings mean: where it is, whom we believe to be it, what it calls things, as whom we sign in.

May live here: reading settings. May not: a connection that stays open (``client``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from appliance.directory.active_directory import ActiveDirectory
from appliance.directory.dialect import Dialect
from appliance.directory.domain.place import domain_of
from appliance.directory.link import Link
from appliance.directory.openldap import OpenLdap
from appliance.directory.schema import ACTIVE_DIRECTORY, OPENLDAP, Field, Schema
from appliance.directory.slapd.embedded import embedded, password_file, tree_of
from appliance.directory.tree import Tree
from appliance.directory.trust import Trust

if TYPE_CHECKING:
    from appliance.settings.directory import DirectorySettings
    from appliance.settings.load import Settings

_MADE_ANEW = "remove that file and restart the directory to have a new one made"
_GIVEN = "bind_name and this file must fit together: schoolserver check --directory"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """All that a connection of the service ``account`` needs; ``timeout`` in seconds an answer.

    ``computed``: names of persons' entries follow from logins. ``realm`` follows a login in the name by which its owner
    signs in at PCs. ``remedy`` is what a carer does when the password is not taken.
    """

    account: str
    uri: str
    trust: Trust
    timeout: float
    tree: Tree
    dialect: Dialect
    computed: bool
    realm: str
    bind_name: str
    password_file: Path
    remedy: str

    def open(self) -> Link:
        """Open a link on which nobody is signed in; raises ``DirectoryUnavailable``."""
        return Link(self.uri, self.timeout, self.trust)


def whereabouts(settings: Settings, account: str) -> Whereabouts:
    """Return where the directory of these settings is for the service account ``account``."""
    directory = settings.directory
    tree, uri = tree_of(settings), directory.uri
    realm = settings.school.domain
    dialect: Dialect = OpenLdap()
    if directory.kind == "slapd":
        uri = f"ldapi://{quote(str(embedded(settings).socket), safe='')}"
    elif directory.kind == "domain":
        dialect, domain = ActiveDirectory(), domain_of(settings)
        tree, realm, uri = domain.tree, domain.name, uri or "ldaps://127.0.0.1"
    else:
        tree = Tree(directory.base, _given(directory.people), _given(directory.groups))
        realm = domain_of_name(directory.base) or realm
        active = directory.kind == "active-directory"
        schema = _renamed(directory, ACTIVE_DIRECTORY if active else OPENLDAP)
        dialect = ActiveDirectory(schema) if active else OpenLdap(schema, keeps_unique=False)
    own = directory.kind in ("slapd", "domain")
    bind_name = directory.bind_name_auth if account == "auth" else None
    return Whereabouts(
        account=account,
        uri=uri or "",
        trust=_trust(settings),
        timeout=directory.timeout,
        tree=tree,
        dialect=dialect,
        computed=own,
        realm=realm,
        bind_name=tree.service(account) if own else bind_name or directory.bind_name or "",
        password_file=password_file(settings, account),
        remedy=_MADE_ANEW if own else _GIVEN,
    )


def domain_of_name(name: str) -> str:
    """Return the domain that the end of an entry's name stands for: ``ou=x,dc=town,dc=example`` is in town.example."""
    labels = [part.strip() for part in name.split(",")]
    return ".".join(label[3:].lower() for label in labels if label.lower().startswith("dc="))


def _given(name: str) -> str:
    return "" if name == "auto" else name


def _renamed(directory: DirectorySettings, schema: Schema) -> Schema:
    names = {Field[key.upper()]: name for key, name in directory.attributes.items()}
    return schema.renamed(names, directory.account_classes, directory.group_classes)


def _trust(settings: Settings) -> Trust:
    ca = settings.directory.ca
    if ca == "system":
        return Trust()
    return Trust(settings.folder / "ca.pem" if ca is None else Path(ca))
