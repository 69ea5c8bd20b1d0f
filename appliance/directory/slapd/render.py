"""The configuration and the first entries of the embedded slapd as text. Pure; compared with golden files.

May live here: text. May not: disk, processes. It is a slapd.conf and not cn=config: there is nothing that could be
changed in a running server, by whomever, and what is served is what was rendered.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from appliance.directory.changes_openldap import OPERATIONS
from appliance.directory.names import child
from appliance.directory.schema import OPENLDAP, READ_OF_GROUPS, Field
from appliance.directory.slapd.embedded import SERVICES, Embedded
from appliance.policy.account import GroupKind

SCHEMA = Path(__file__).with_name("schoolserver.schema")
INDEXES = (
    "objectClass,entryUUID,entryCSN eq",
    "uid,uidNumber,gidNumber,member,employeeType eq",
    "cn,sn,givenName,displayName,mail eq,sub",
)

_ACCOUNT_WRITTEN = (
    *(Field.LOGIN, Field.UID, Field.GID, Field.GIVEN_NAME, Field.SURNAME, Field.DISPLAY_NAME, Field.MAIL),
    *(Field.ROLE, Field.HOME, Field.DISABLED, Field.GROUP_NAME),
)
_ADDRESS_BOOK = "entry,uid,cn,sn,givenName,displayName,mail"


def render_config(server: Embedded, database: Path) -> str:
    """Return slapd.conf for ``server`` with its database in ``database``."""
    base = server.tree.base
    parts = _head(server), _database(base, database), _limits(server), _access(server), _overlays(server)
    return "\n".join((*parts, _monitor(server)))


def render_tree(server: Embedded) -> str:
    """Return the first entries as LDIF: folders, service accounts (still without password), password policy."""
    base, tree = server.tree.base, server.tree
    units = (tree.people, tree.groups, *(tree.groups_of(kind) for kind in GroupKind), *_own_units(base))
    entries = [_entry(base, _top_of(base))]
    entries += [_entry(name, ("objectClass: organizationalUnit",)) for name in units]
    # no password matches {CRYPT}*
    locked = ("objectClass: applicationProcess", "objectClass: simpleSecurityObject", "userPassword: {CRYPT}*")
    entries += [_entry(tree.service(name), locked) for name in SERVICES]
    entries.append(
        _entry(
            _policy(base),
            (
                "objectClass: applicationProcess",
                "objectClass: pwdPolicy",
                "pwdAttribute: userPassword",
                "pwdMustChange: TRUE",
                "pwdAllowUserChange: FALSE",
                "pwdLockout: FALSE",
                "pwdCheckQuality: 0",
            ),
        )
    )
    return "\n".join(entries)


def _head(server: Embedded) -> str:
    schemas = [f"/etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson", "nis")]
    return f"""\
# Written by schoolserver at each start of the directory; changes made here are lost.
{_lines(f"include {_quoted(path)}" for path in (*schemas, str(SCHEMA)))}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload argon2 m={server.argon2_memory} t={server.argon2_time} p=1
moduleload ppolicy
moduleload syncprov
moduleload unique
password-hash {{ARGON2}}
pidfile {_quoted(server.folder / "slapd.pid")}

# Nothing personal is logged. No name server is asked for the machine's own name.
loglevel none
sasl-host localhost

# Nobody reads without having signed in; whoever only has a Unix user on this machine may sign in, and see nothing.
disallow bind_anon
require authc
threads 8
access to dn.base=""
	by dn.subtree={_quoted(server.tree.base)} read by * none
access to dn.base="cn=Subschema"
	by dn.subtree={_quoted(server.tree.base)} read by * none
access to *
	by * none
"""


def _database(base: str, database: Path) -> str:
    return f"""\
database mdb
suffix {_quoted(base)}
rootdn {_quoted(child("cn", "internal", base))}
directory {_quoted(database)}
maxsize 1073741824
{_lines(f"index {index}" for index in INDEXES)}
"""


def _limits(server: Embedded) -> str:
    return f"""\
sizelimit 500
timelimit 10
{_lines(f"limits dn.exact={_quoted(server.tree.service(name))} size=unlimited time=unlimited" for name in SERVICES)}
"""


def _access(server: Embedded) -> str:
    """The first matching line decides, and in it the first matching ``by``; an added entry is checked by attribute."""
    tree = server.tree
    supervisor, auth = (f"by dn.exact={_quoted(tree.service(name))}" for name in SERVICES)
    people, groups = (f"to dn.subtree={_quoted(name)}" for name in (tree.people, tree.groups))
    persons = f"by dn.onelevel={_quoted(tree.people)}"
    account = ",".join(OPENLDAP[field] for field in _ACCOUNT_WRITTEN)
    group = ",".join(OPENLDAP[field] for field in READ_OF_GROUPS)
    return f"""\
add_content_acl on
# Passwords, and whether one must be changed: written by auth alone, which has checked them (K02), and read by nobody.
access {people} attrs=userPassword
	{auth} =w by anonymous auth by * none
access to attrs=userPassword
	by anonymous auth by * none
access {people} attrs=pwdReset
	{auth} write {supervisor} read by * none
# The server's own account is in no address book.
access {people} filter=(employeeType=probe) attrs={_ADDRESS_BOOK},objectClass
	{supervisor} write {auth} read by * none
# A person sees names and mail addresses (K26), and may search for persons.
access {people} attrs={_ADDRESS_BOOK}
	{supervisor} write {auth} read {persons} read by * none
access {people} attrs=objectClass
	{supervisor} write {auth} read {persons} search by * none
access {people} attrs=children,{account}
	{supervisor} write {auth} read by * none
access {groups} attrs=entry,children,objectClass,{group}
	{supervisor} write {auth} read by * none
access {people}
	{supervisor} read {auth} read by * none
access to dn.base={_quoted(tree.base)}
	{supervisor} read {auth} read by * none
access {groups}
	{supervisor} read {auth} read by * none
access to *
	by * none
"""


def _overlays(server: Embedded) -> str:
    tree = server.tree
    return f"""\
# Says when a password must be changed and when it was changed; keeps no record of wrong ones (auth throttles).
overlay ppolicy
ppolicy_default {_quoted(_policy(tree.base))}
ppolicy_hash_cleartext

# Keeps contextCSN, by which the supervisor sees that something changed.
overlay syncprov

# Numeric ids, and names of groups over all kinds, are there once.
overlay unique
unique_uri {_quoted(f"ldap:///{tree.people}?uidNumber?sub")}
unique_uri {_quoted(f"ldap:///{tree.groups}?gidNumber?sub")}
unique_uri {_quoted(f"ldap:///{tree.groups}?cn?sub")}
"""


def _monitor(server: Embedded) -> str:
    return f"""\
# How many operations of each kind there were: by them the supervisor sees whether entries went away, whatever the
# clock says. Nothing else is told.
database monitor
access to dn.subtree={_quoted(OPERATIONS)}
	by dn.exact={_quoted(server.tree.service("supervisor"))} read by * none
access to *
	by * none
"""


def _top_of(base: str) -> tuple[str, ...]:
    """The classes of the top entry, by what its name begins with; its own attribute comes with the name."""
    attribute = base.partition("=")[0].strip().lower()
    classes = {
        "dc": ("domain",),
        "o": ("organization",),
        "ou": ("organizationalUnit",),
        "l": ("locality",),
        "c": ("country",),
    }
    return tuple(f"objectClass: {name}" for name in classes[attribute])


def _own_units(base: str) -> tuple[str, ...]:
    return child("ou", "services", base), child("ou", "policies", base)


def _policy(base: str) -> str:
    return child("cn", "default", child("ou", "policies", base))


def _entry(name: str, lines: tuple[str, ...]) -> str:
    attribute, _, value = name.partition(",")[0].partition("=")
    return "\n".join((f"dn: {name}", *lines, f"{attribute.strip()}: {value.strip()}", ""))


def _quoted(value: object) -> str:
    """Return ``value`` as one word of slapd.conf (slapd.conf(5): quotes, backslash before quote and backslash)."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
