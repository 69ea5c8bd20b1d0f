"""What a directory contains: whether it is of the kind that the settings say, its folders, its schema, its own rules.

May live here: reading. May not: writing (``examine_rights``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from appliance.directory.changes_active_directory import SHOW_DELETED
from appliance.directory.dialect import Attributes
from appliance.directory.errors import DirectoryRefused
from appliance.directory.link import Link
from appliance.directory.openldap import PASSWORD_POLICY
from appliance.directory.schema import Field
from appliance.directory.whereabouts import Whereabouts
from appliance.policy.account import GroupKind

_ANY: Final = "(objectClass=*)"
_ACTIVE: Final = b"1.2.840.113556.1.4.800"  # what only an AD can ([MS-ADTS] 3.1.1.3.4.3.1)
_PASSWORD_POLICY: Final = PASSWORD_POLICY.encode()
_ROOT: Final = (
    "supportedCapabilities",
    "supportedControl",
    "namingContexts",
    "defaultNamingContext",
    "subschemaSubentry",
)
_NAMES: Final = re.compile(rb"\bNAME\s+(?:'([^']*)'|\(([^)]*)\))")
_NUMBERS: Final = frozenset({Field.UID, Field.GID, Field.HOME})
_NO_END: Final = (0, -0x8000000000000000)
_DAY: Final = -24 * 3600 * 10**7  # AD counts 100 ns, backwards


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong; ``grave``: the server cannot work so."""

    text: str
    grave: bool = True


def contents(where: Whereabouts, link: Link) -> list[Finding]:
    """Look at what there is; a step that finds something grave is the last. Raises ``DirectoryUnavailable``."""
    root = _entry(link, "", _ROOT) or {}
    found: list[Finding] = []
    for step in (_kind, _folders, _schema, _policy, _news):
        found += step(where, link, root)
        if any(finding.grave for finding in found):
            break
    return found


def _kind(where: Whereabouts, _link: Link, root: Attributes) -> Iterator[Finding]:
    active = _ACTIVE in root.get("supportedCapabilities", ())
    if active != where.dialect.born_with_password:
        kind = "an Active Directory: kind: active-directory" if active else "no Active Directory: kind: ldap"
        yield Finding(f"kind: {where.uri} is {kind}")
    elif not active and _PASSWORD_POLICY not in root.get("supportedControl", ()):
        yield Finding("kind: the overlay ppolicy is not there, without which no password has to be changed (K03)")


def _folders(where: Whereabouts, link: Link, root: Attributes) -> Iterator[Finding]:
    tree = where.tree
    if _entry(link, tree.base, ("1.1",)) is None:
        tops = [name.decode() for name in root.get("namingContexts", ())]
        there = root.get("defaultNamingContext", ())
        top = there[0].decode() if there else ", ".join(tops) or "nothing that bind_name may see"
        yield Finding(f"base: there is no entry {tree.base}, or bind_name may not read it; the directory has {top}")
        return
    folders = {"people": [tree.people], "groups": [tree.groups, *(tree.groups_of(kind) for kind in GroupKind)]}
    for setting, names in folders.items():
        for name in names:
            if _entry(link, name, ("1.1",)) is None:
                yield Finding(f"{setting}: there is no folder {name}; make it (an organizationalUnit)")


def _schema(where: Whereabouts, link: Link, root: Attributes) -> Iterator[Finding]:
    place = next((name.decode() for name in root.get("subschemaSubentry", ())), "cn=Subschema")
    entry = _entry(link, place, ("attributeTypes", "objectClasses")) or {}
    known, classes = (known_names(entry.get(part, ())) for part in ("attributeTypes", "objectClasses"))
    if not known:
        yield Finding(f"schema: bind_name may not read {place}, so names of attributes cannot be compared", grave=False)
        return
    schema = where.dialect.schema
    for field, name in schema.attributes.items():
        if name.lower() not in known:
            yield Finding(
                f"attributes.{field.name.lower()}: the directory knows no attribute {_hint(field, name, known)}"
            )
    for setting, names in {"account_classes": schema.account_classes, "group_classes": schema.group_classes}.items():
        for name in names:
            if name.lower() not in classes:
                yield Finding(f"{setting}: the directory knows no object class {name}{near(name, classes)}")


def _policy(where: Whereabouts, link: Link, root: Attributes) -> Iterator[Finding]:
    """What an AD does by itself to people who only mistype, or come back after the holidays."""
    if not where.dialect.born_with_password:
        return
    domain = next((name.decode() for name in root.get("defaultNamingContext", ())), where.tree.base)
    rules = _entry(link, domain, ("lockoutThreshold", "maxPwdAge")) or {}
    tries, age = (int(next(iter(rules.get(name, ())), b"0")) for name in ("lockoutThreshold", "maxPwdAge"))
    if tries:
        text = f"{tries} wrong passwords lock an account out (lockoutThreshold), so that pupils can lock out a teacher"
        yield Finding(f"{domain}: {text}", grave=False)
    if age not in _NO_END:
        yield Finding(f"{domain}: passwords expire after {age // _DAY} days (maxPwdAge)", grave=False)


def _news(where: Whereabouts, link: Link, root: Attributes) -> Iterator[Finding]:
    """Whether the directory tells what others change; where it does not, all names are compared now and then."""
    if where.dialect.born_with_password:
        top = next((name.decode() for name in root.get("defaultNamingContext", ())), where.tree.base)
        place, wanted = f"CN=Deleted Objects,{top}", "bind_name may not see it: what others remove"
        told = _entry(link, place, ("cn",), (SHOW_DELETED,)) is not None
    else:
        place, wanted = "overlay syncprov", "there is no contextCSN: what others change"
        names = [name.decode() for name in root.get("namingContexts", ())]
        told = any("contextCSN" in (_entry(link, name, ("contextCSN",)) or {}) for name in names)
    if not told:
        yield Finding(f"{place}: {wanted} is noticed after some seconds only", grave=False)


def _entry(link: Link, name: str, attributes: Sequence[str], controls: Sequence[str] = ()) -> Attributes | None:
    """Read one entry; ``None`` if it is not there for us."""
    try:
        found = link.search(name, _ANY, attributes, below=False, controls=controls)
        return next((entry.attributes for entry in found), None)
    except DirectoryRefused:
        return None


def known_names(definitions: Sequence[bytes]) -> dict[str, str]:
    """Give the names in definitions of a schema (RFC 4512, 4.1) as they are written, by lower case."""
    names: dict[str, str] = {}
    for definition in definitions:
        match = _NAMES.search(definition)
        for name in (match[1] or match[2]).replace(b"'", b" ").split() if match else ():
            names[name.decode().lower()] = name.decode()
    return names


def _hint(field: Field, name: str, known: dict[str, str]) -> str:
    if field in _NUMBERS and name == field.value[0]:
        return f"{name}: its schema has no posixAccount (RFC 2307)"
    return f"{name}{near(name, known)}"


def near(name: str, known: Mapping[str, str]) -> str:
    """Return the question whether the nearest of ``known`` (names by lower case) was meant; empty if none is near."""
    found = get_close_matches(name.lower(), known, 1)
    return f"; did you mean {known[found[0]]}?" if found else ""
