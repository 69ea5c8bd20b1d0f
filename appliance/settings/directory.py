"""``directory.yaml``: where it is written who is who."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, MappingOf, Maybe
from appliance.daemon.options_numbers import duration, integer, size
from appliance.daemon.options_values import PATH, Scalar, choice, text

_PART = r"(dc|o|ou|l|c|cn)=[^\s,=+\"\\<>;#]([^,=+\"\\<>;#]*[^\s,=+\"\\<>;#])?"
_NAME = rf"{_PART}(,{_PART})*"
_FOLDER = text(rf"auto|{_NAME}", "a name such as ou=Schule,dc=town,dc=example, or auto")
_ACCOUNT = Maybe(
    text(r"[^\s@=]+@[^\s@]+|[A-Za-z]+=.*\S", "a name such as cn=admin,dc=town,dc=example, or LOGIN@DOMAIN")
)


def _ca(value: str) -> str:
    return value if value == "system" else str(PATH.parse(value))


_CA: Scalar[str] = Scalar("path", "a path from the root, or system", _ca)
_CLASSES = ListOf(text(r"[A-Za-z][A-Za-z0-9-]*", "the name of an object class"))
_ATTRIBUTE = text(r"[A-Za-z][A-Za-z0-9-]*", "the name of an attribute")

KINDS = ("slapd", "domain", "active-directory", "ldap")
OTHERS = ("active-directory", "ldap")
"""Kinds of directories that are not the server's own."""

RENAMED = (
    *("login", "uid", "gid", "given_name", "surname", "display_name", "mail", "role", "home", "shell"),
    *("group_name", "title", "member"),
)
"""Fields whose attribute a carer may name otherwise."""


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """The directory; durations in seconds, ``argon2_memory`` in bytes; ``base`` never ``auto`` once loaded.

    ``people`` and ``groups`` stay ``auto`` where they are ours to name. ``ca`` is a file, ``system``, or ``None`` for
    the local authority.
    """

    kind: str = option(
        choice(KINDS),
        "slapd",
        "Which directory: one of the server's own, without PCs (slapd) or with PCs that log on (domain), or one that "
        "exists already, found at uri: an Active Directory (active-directory) or an OpenLDAP (ldap). "
        "See whether an existing one will do with: schoolserver check --directory.",
        example="ldap",
    )
    uri: str | None = option(
        Maybe(text(r"ldaps?://[A-Za-z0-9.:\[\]-]+", "a URI such as ldaps://dc.schule.example")),
        None,
        "Where an existing directory is; with kind domain it is on this machine, unless said otherwise.",
        example="ldaps://dc.schule.example",
    )
    base: str = option(
        text(rf"auto|{_NAME}", "a name such as dc=schule,dc=example, or auto"),
        "auto",
        "Top entry of the school; auto: made from the school's domain (dc=schule,dc=example).",
        example="ou=schule,dc=town,dc=example",
    )
    people: str = option(
        _FOLDER,
        "auto",
        "Where an existing directory keeps the school's accounts; auto: ou=people below base.",
        example="ou=Benutzer,ou=schule,dc=town,dc=example",
    )
    groups: str = option(
        _FOLDER,
        "auto",
        "Where an existing directory keeps the school's groups, in a folder for each kind of them (ou=class, ...); "
        "auto: ou=groups below base.",
        example="ou=Gruppen,ou=schule,dc=town,dc=example",
    )
    bind_name: str | None = option(
        _ACCOUNT,
        None,
        "As whom the server signs in to an existing directory; the password is in the file directory.password below "
        "/var/lib/schoolserver/supervisor and /var/lib/schoolserver/auth, where setup puts it.",
        example="schoolserver@town.example",
    )
    bind_name_auth: str | None = option(
        _ACCOUNT,
        None,
        "As whom it signs in to change and check passwords, if not as bind_name: then bind_name needs no right to.",
        example="schoolserver-auth@town.example",
    )
    ca: str | None = option(
        Maybe(_CA),
        None,
        "Who must have signed the directory's certificate: a file (PEM), or system for whom this machine trusts. "
        "Without it the server's own local authority.",
        example="/etc/schoolserver/town-ca.pem",
    )
    attributes: Mapping[str, str] = option(
        MappingOf(choice(RENAMED), _ATTRIBUTE),
        {},
        "What an existing directory calls a field, where it is not the usual name: "
        f"{', '.join(RENAMED[:-1])} and {RENAMED[-1]}.",
        example={"login": "sAMAccountName", "role": "employeeNumber"},
    )
    account_classes: tuple[str, ...] = option(
        _CLASSES,
        [],
        "Object classes of new accounts in an existing directory. None: user, or inetOrgPerson and posixAccount.",
        example=["inetOrgPerson", "posixAccount", "sambaSamAccount"],
    )
    group_classes: tuple[str, ...] = option(
        _CLASSES,
        [],
        "Object classes of new groups in an existing directory. None: group, or schoolGroup (from "
        "schoolserver.schema of the package schoolserver-directory).",
        example=["groupOfMembers", "posixGroup"],
    )
    id_first: int = option(
        integer(1000, 2_000_000_000), 20000, "First numeric id for accounts and groups.", example=30000
    )
    id_last: int = option(
        integer(1000, 2_000_000_000), 59999, "Last numeric id for accounts and groups.", example=39999
    )
    poll: float = option(duration(0.1, 60), "500 ms", "How often changes are looked for.", example="1 s")
    timeout: float = option(duration(0.5, 120), "5 s", "Patience with an answer of the directory.", example="10 s")
    connections: int = option(
        integer(1, 64), 4, "Connections kept open for checking passwords.", unit="connections", example=8
    )
    argon2_memory: int = option(
        size(2**20, 2**30),
        "19 MiB",
        "Memory that hashing one password takes (kind slapd only): more is safer and slower.",
        example="46 MiB",
    )
    argon2_time: int = option(
        integer(1, 20), 2, "Rounds that hashing one password takes (kind slapd only).", unit="rounds", example=3
    )

    @property
    def long_names(self) -> bool:
        """Whether logins are what stands before the @ of a userPrincipalName (AD), and no short names."""
        return self.attributes.get("login", "").lower() != "samaccountname"
