"""The policy snapshot: what a service knows about who may do what, as one value and as the text of one file.

May live here: the value, its version, the frame of the file (header, length, checksum). May not: how a single record is
written (``records``), who gets which part (``audience``), files and publication (``daemon``, ``supervisor``).

The file is one header line and a JSON object in ASCII::

    schoolserver-snapshot <format> <epoch> <counter> <audience> <length> <sha256>

``length`` is that of the object in bytes; the checksum covers the header before it and the object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from zoneinfo import ZoneInfo

from appliance.policy import records, records_lessons, records_mail, records_owners, records_search, records_web
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Consent, Group, GroupKind, Service
from appliance.policy.lessons import Lesson
from appliance.policy.limits import LimitTable
from appliance.policy.mailing import MailRules
from appliance.policy.owners import Binding
from appliance.policy.safe_search import SearchRule
from appliance.policy.values import array, text, whole
from appliance.policy.web_rules import WebRules

_FORMAT = 5
_HEADER = re.compile(
    rb"(schoolserver-snapshot (\d{1,9}) (\d{1,18}) (\d{1,18}) ([a-z]{1,32}) (\d{1,12}) )([0-9a-f]{64})\n"
)


class BrokenSnapshot(Exception):
    """The bytes are no snapshot that can be used; ``reason`` says why, without any content of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Newer is greater: ``epoch`` grows when the supervisor's state is made anew, ``counter`` with each publication."""

    epoch: int
    counter: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Who may use what, where, when and with which limits, as one ``audience`` knows it.

    ``audience`` is a key of :data:`appliance.policy.audience.AUDIENCES`; ``domain`` the school's (``schule.example``),
    ``zone`` where its clocks stand. ``accounts`` by login, ``groups`` by name, ``rules`` in the order in which they are
    asked, ``rooms`` by name with their networks, ``mail`` the rules of mail, ``owners`` whose device is at an address
    (in its one text: IPv4 as such, IPv6 as RFC 5952 has it), ``web`` the rules about sites in the order in which they
    are asked, ``lessons`` what is set for lessons, ``safe_search`` for whom search is made safe, the first rule that
    fits. ``found`` is no part of what it says: there ``members`` keeps what it worked out of it, by group or by who is
    meant.
    """

    version: Version
    audience: str
    domain: str
    zone: ZoneInfo
    accounts: Mapping[str, Account] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    rules: tuple[AccessRule, ...] = ()
    consents_required: Mapping[Service, frozenset[Consent]] = field(default_factory=dict)
    rooms: Mapping[str, tuple[IPv4Network | IPv6Network, ...]] = field(default_factory=dict)
    limits: LimitTable = field(default_factory=LimitTable)
    mail: MailRules = field(default_factory=MailRules)
    owners: Mapping[str, Binding] = field(default_factory=dict)
    web: WebRules = field(default_factory=WebRules)
    lessons: tuple[Lesson, ...] = ()
    safe_search: tuple[SearchRule, ...] = ()
    found: dict[str | Who, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)


def same_meaning(one: Snapshot, other: Snapshot) -> bool:
    """Whether both say the same to the same audience, whatever their versions: then there is nothing to publish."""
    return one == replace(other, version=one.version)


def encode(snapshot: Snapshot) -> bytes:
    """Give the bytes of the file; equal snapshots with equal order of their parts give equal bytes."""
    body = json.dumps(_write_body(snapshot), separators=(",", ":")).encode()
    version = snapshot.version
    head = (
        f"schoolserver-snapshot {_FORMAT} {version.epoch} {version.counter} {snapshot.audience} {len(body)} ".encode()
    )
    return head + sha256(head + body).hexdigest().encode() + b"\n" + body


def decode(data: bytes) -> Snapshot:
    """Read what :func:`encode` gave; raises :class:`BrokenSnapshot` for anything else, be it cut, altered or newer."""
    header = _HEADER.match(data)
    if header is None:
        raise BrokenSnapshot("the first line is not that of a snapshot")
    head, form, epoch, counter, audience, length, checksum = header.groups()
    body = data[header.end() :]
    if len(body) != int(length):
        raise BrokenSnapshot(f"{len(body)} bytes follow the first line, which announces {int(length)}")
    if sha256(head + body).hexdigest().encode() != checksum:
        raise BrokenSnapshot("the checksum does not fit")
    read = _READERS.get(int(form))
    if read is None:
        raise BrokenSnapshot(f"format {int(form)} is not known here; known: {', '.join(map(str, _READERS))}")
    try:
        parts = read(json.loads(body))
        return Snapshot(Version(int(epoch), int(counter)), audience.decode(), **parts)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as cause:
        raise BrokenSnapshot("the content is not what its format says") from cause


def _write_body(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "domain": snapshot.domain,
        "zone": snapshot.zone.key,
        "accounts": {login: records.write_account(account) for login, account in snapshot.accounts.items()},
        "groups": {name: [group.kind, group.gid, group.title] for name, group in snapshot.groups.items()},
        "rules": [records.write_rule(rule) for rule in snapshot.rules],
        "consents_required": {service: sorted(asked) for service, asked in snapshot.consents_required.items()},
        "rooms": {name: [str(network) for network in networks] for name, networks in snapshot.rooms.items()},
        "limits": records.write_limits(snapshot.limits),
        "mail": records_mail.write_mail(snapshot.mail),
        "owners": records_owners.write_owners(snapshot.owners),
        "web": [records_web.write_web(rule) for rule in snapshot.web],
        "lessons": [records_lessons.write_lesson(lesson) for lesson in snapshot.lessons],
        "safe_search": [records_search.write_search(rule) for rule in snapshot.safe_search],
    }


def _read_with_mail(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "domain": text(body["domain"]),
        "zone": ZoneInfo(text(body["zone"])),
        "accounts": {login: records.read_account(login, record) for login, record in body["accounts"].items()},
        "groups": {
            name: Group(name, GroupKind(kind), whole(gid), text(title))
            for name, (kind, gid, title) in body["groups"].items()
        },
        "rules": tuple(map(records.read_rule, array(body["rules"]))),
        "consents_required": {
            Service(service): frozenset(map(Consent, array(asked)))
            for service, asked in body["consents_required"].items()
        },
        "rooms": {
            name: tuple(ip_network(text(network)) for network in array(networks))
            for name, networks in body["rooms"].items()
        },
        "limits": records.read_limits(body["limits"]),
        "mail": records_mail.read_mail(body["mail"]),
    }


def _read_with_owners(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**_read_with_mail(body), "owners": records_owners.read_owners(body["owners"])}


def _read_with_web(body: Mapping[str, Any]) -> dict[str, Any]:
    web = WebRules(map(records_web.read_web, array(body["web"])))
    lessons = tuple(map(records_lessons.read_lesson, array(body["lessons"])))
    search = tuple(map(records_search.read_search, array(body["safe_search"])))
    return {**_read_with_owners(body), "web": web, "lessons": lessons, "safe_search": search}


_READERS = {3: _read_with_mail, 4: _read_with_owners, 5: _read_with_web}
"""Format 3 knows no owners of addresses, and there are none; 4 nothing of sites, lessons and safe search."""
