"""Every way in, sender and recipient there is, and what must be said: the cases of the relay matrix. Pure.

May live here: the axes, the people whom they mean, and the expected reply, written down from the handbook's rules and
not from the program's. May not: a connection, the program's own rules. A reply is given by its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from appliance.policy.account import Account, Group, GroupKind, Role
from tests.integration.support_parts import person

DOMAIN: Final = "schule.example"
GROUPS: Final = {
    "klasse3a": Group("klasse3a", GroupKind.CLASS, 30001, "Klasse 3a"),
    "klasse3b": Group("klasse3b", GroupKind.CLASS, 30002, "Klasse 3b"),
    "kurs-kunst": Group("kurs-kunst", GroupKind.COURSE, 30003, "Kunst"),
    "chor": Group("chor", GroupKind.CLUB, 30004, "Chor"),
    "theater": Group("theater", GroupKind.CLUB, 30005, "Theater-AG"),
    "kollegium": Group("kollegium", GroupKind.STAFF, 30006, "Kollegium"),
    "randvoll": Group("randvoll", GroupKind.COURSE, 30007, "Alle voll"),
}
FULL_QUOTA, SMALL_QUOTA = 6_000, 9_000
PEOPLE: Final[Mapping[str, Account]] = {
    one.login: one
    for one in (
        person("fred.mustermann", 20000, Role.PUPIL, groups=("chor", "klasse3a")),
        person("gina.musterfrau", 20001, Role.PUPIL, groups=("klasse3b", "theater")),
        person("frida.lehrer", 20002, Role.TEACHER, groups=("klasse3a", "kollegium")),
        person("stefan.haus", 20003, Role.STAFF, groups=("kollegium",)),
        person("olga.buero", 20004, Role.OFFICE, groups=("kollegium",)),
        person("ada.admin", 20005, Role.ADMIN, groups=("kollegium",)),
        person("kurt.kunst", 20006, Role.TEACHER, groups=("kurs-kunst",)),
        replace(person("nora.ohne", 20007, Role.TEACHER), consents=frozenset()),
        person("vera.voll", 20008, Role.TEACHER, groups=("randvoll",), quota=FULL_QUOTA),
        person("karl.klein", 20010, Role.TEACHER, quota=SMALL_QUOTA),
        person("nils.nahezu", 20011, Role.TEACHER, quota=FULL_QUOTA),
    )
}
OF_ROLE: Final[Mapping[Role, str]] = {
    Role.PUPIL: "fred.mustermann",
    Role.TEACHER: "frida.lehrer",
    Role.STAFF: "stefan.haus",
    Role.OFFICE: "olga.buero",
    Role.ADMIN: "ada.admin",
}
OUTSIDE_ROLES: Final = frozenset({Role.TEACHER})
"""Whom the settings of this school let send to and receive from outside."""
DEVICE_SENDER: Final = f"kopierer@{DOMAIN}"
ROLE_ADDRESS, ROLE_LOGINS = "sekretariat", ("olga.buero",)


class Port(Enum):
    """A listener and how TLS begins there."""

    SUBMISSION = "submission"
    SUBMISSIONS = "submissions"
    SMTP = "smtp"


class Place(Enum):
    """Where somebody connects from; the value is an address of this machine."""

    PC = "127.0.0.1"
    DEVICE = "127.0.20.7"
    RELAY = "127.0.30.9"
    IN_DEVICE_NETWORK = "127.0.20.200"
    """In the network of the devices, but not listed itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A way in: over ``port`` from ``place``, with TLS or in clear, signed in as somebody of ``role`` or as nobody."""

    port: Port
    place: Place = Place.PC
    tls: bool = True
    role: Role | None = None

    def __str__(self) -> str:
        return "-".join(
            [
                {Port.SUBMISSION: "587", Port.SUBMISSIONS: "465", Port.SMTP: "25"}[self.port],
                self.place.name.lower(),
                "tls" if self.tls else "clear",
                self.role or "nobody",
            ]
        )

    @property
    def account(self) -> Account | None:
        return None if self.role is None else PEOPLE[OF_ROLE[self.role]]

    @property
    def machine(self) -> Place | None:
        """As which machine it counts: a device, or the relay; ``None`` for a person, and for nobody."""
        known = self.role is None and self.port is Port.SMTP and self.place in (Place.DEVICE, Place.RELAY)
        return self.place if known else None


class Sender(Enum):
    """An address of the envelope's sender."""

    OWN = "own"
    COLLEAGUE = "another account's"
    OWN_GROUP = "a group's of which he is a member"
    OTHER_GROUP = "a group's of which he is none"
    UNKNOWN = "nobody's of the school"
    ROLE = "a role address"
    POSTMASTER = "postmaster"
    OUTSIDE = "outside"
    NULL = "<>"
    SUBDOMAIN = "own at a host of the school's domain"
    DETAIL = "own with a detail behind a plus"
    THE_DEVICE = "the device's"

    def address(self, entry: Entry) -> str:
        account = entry.account or PEOPLE["gina.musterfrau"]
        return {
            Sender.OWN: f"{account.login}@{DOMAIN}",
            Sender.COLLEAGUE: f"kurt.kunst@{DOMAIN}",
            Sender.OWN_GROUP: f"{account.groups[-1]}@{DOMAIN}",
            Sender.OTHER_GROUP: f"kurs-kunst@{DOMAIN}",
            Sender.UNKNOWN: f"niemand@{DOMAIN}",
            Sender.ROLE: f"{ROLE_ADDRESS}@{DOMAIN}",
            Sender.POSTMASTER: f"postmaster@{DOMAIN}",
            Sender.OUTSIDE: "eltern@posteo.example",
            Sender.NULL: "",
            Sender.SUBDOMAIN: f"{account.login}@pc.{DOMAIN}",
            Sender.DETAIL: f"{account.login}+x@{DOMAIN}",
            Sender.THE_DEVICE: DEVICE_SENDER,
        }[self]


class Recipient(Enum):
    """A recipient: the address, and into whose mailboxes it leads when it is taken."""

    PUPIL = (f"gina.musterfrau@{DOMAIN}", ("gina.musterfrau",))
    TEACHER = (f"kurt.kunst@{DOMAIN}", ("kurt.kunst",))
    IN_CAPITALS = ("KURT.Kunst@SCHULE.Example", ("kurt.kunst",))
    STAFF = (f"stefan.haus@{DOMAIN}", ("stefan.haus",))
    NO_CONSENT = (f"nora.ohne@{DOMAIN}", ())
    FULL = (f"vera.voll@{DOMAIN}", ())
    NEARLY_FULL = (f"nils.nahezu@{DOMAIN}", ())
    TOO_SMALL = (f"karl.klein@{DOMAIN}", ())
    FAR_TOO_SMALL = (f"Karl.Klein@{DOMAIN}", ())
    UNKNOWN = (f"niemand@{DOMAIN}", ())
    PROBE = (f"schoolserver-probe@{DOMAIN}", ())
    THE_DEVICE = (DEVICE_SENDER, ())
    CLASS = (f"klasse3a@{DOMAIN}", ("fred.mustermann", "frida.lehrer"))
    COURSE = (f"kurs-kunst@{DOMAIN}", ("kurt.kunst",))
    CLUB = (f"chor@{DOMAIN}", ("fred.mustermann",))
    OTHER_CLUB = (f"theater@{DOMAIN}", ("gina.musterfrau",))
    STAFF_GROUP = (f"kollegium@{DOMAIN}", ("ada.admin", "frida.lehrer", "olga.buero", "stefan.haus"))
    FULL_GROUP = (f"randvoll@{DOMAIN}", ())
    POSTMASTER = (f"postmaster@{DOMAIN}", ("ada.admin",))
    BARE_POSTMASTER = ("Postmaster", ("ada.admin",))
    ROLE = (f"{ROLE_ADDRESS}@{DOMAIN}", ROLE_LOGINS)
    OUTSIDE = ("eltern@posteo.example", ())
    SUBDOMAIN = (f"kurt.kunst@mail.{DOMAIN}", ())
    SUFFIX = (f"kurt.kunst@{DOMAIN}.evil.example", ())
    PERCENT = (f"eltern%posteo.example@{DOMAIN}", ())
    BANG = (f"posteo.example!eltern@{DOMAIN}", ())
    QUOTED = (f'"eltern@posteo.example"@{DOMAIN}', ())
    ROUTE = (f"@{DOMAIN}:eltern@posteo.example", ())
    LITERAL = ("eltern@[127.0.0.1]", ())
    TWO_AT = (f"eltern@posteo.example@{DOMAIN}", ())
    NO_DOMAIN = ("kurt.kunst", ())

    @property
    def address(self) -> str:
        return self.value[0]

    @property
    def boxes(self) -> tuple[str, ...]:
        return self.value[1]

    @property
    def size(self) -> int:
        """Bytes that the message has, and that are announced."""
        return _SIZES.get(self, 900)


_SIZES = {
    Recipient.NEARLY_FULL: FULL_QUOTA // 2,
    Recipient.TOO_SMALL: SMALL_QUOTA + 3_000,
    Recipient.FAR_TOO_SMALL: 2_200_000,
}


class From(Enum):
    """What a head says of its sender, for a message whose envelope is fine; the same tricks are open to everybody."""

    AS_ENVELOPE = "From: {own}"
    OWN_GROUP = "From: {group}"
    SENDER_AND_GROUP = "Sender: {own}\r\nFrom: {group}"
    COLLEAGUE = "From: kurt.kunst@schule.example"
    ANOTHER_SENDER = "From: {own}\r\nSender: kurt.kunst@schule.example"
    ANSWERS_ELSEWHERE = "From: {own}\r\nReply-To: eltern@posteo.example"
    RESENT_BY_ANOTHER = "From: {own}\r\nResent-From: kurt.kunst@schule.example"
    OUTSIDE = "From: eltern@posteo.example"
    IN_THE_NAME = 'From: "kurt.kunst@schule.example" <{own}>'
    NONE = "X-Nothing: here"
    TWICE = "From: {own}\r\nFrom: kurt.kunst@schule.example"
    TWO_IN_ONE = "From: {own}, kurt.kunst@schule.example"

    def lines(self, own: str, group: str) -> bytes:
        return f"{self.value.format(own=own, group=group)}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody comes by ``entry`` and sends as ``sender`` to ``recipient``, with a head as ``head`` says."""

    entry: Entry
    sender: Sender
    recipient: Recipient = Recipient.TEACHER
    head: From = From.AS_ENVELOPE

    def __str__(self) -> str:
        return f"{self.entry}:{self.sender.name}:{self.recipient.name}:{self.head.name}".lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be said to MAIL, RCPT and the message; the first refusal is the last of them. Who has it then.

    ``outside``: whether it waits for the smarthost then.
    """

    replies: tuple[str, ...]
    boxes: tuple[str, ...] = ()
    outside: bool = False


_NOBODY, _FOREIGN, _MALFORMED, _NOBODY_THERE = "530 5.7.0 ", "550 5.7.1 ", "550 5.6.0 ", "550 5.1.1 "
_SENDER_FINE, _RECIPIENT_FINE, _STORED = "250 2.1.0 ", "250 2.1.5 ", "250 2.0.0 "
_GROUPS_OF = {
    Recipient.CLASS: "klasse3a",
    Recipient.COURSE: "kurs-kunst",
    Recipient.CLUB: "chor",
    Recipient.OTHER_CLUB: "theater",
    Recipient.STAFF_GROUP: "kollegium",
    Recipient.FULL_GROUP: "randvoll",
}
_WITHOUT_A_BOX = {
    Recipient.NO_CONSENT: "550 5.2.1 ",
    Recipient.FULL: "452 4.2.2 ",
    Recipient.FAR_TOO_SMALL: "552 5.2.2 ",
    Recipient.UNKNOWN: _NOBODY_THERE,
    Recipient.PROBE: _NOBODY_THERE,
    Recipient.THE_DEVICE: _NOBODY_THERE,
    Recipient.FULL_GROUP: "452 4.2.2 ",
    Recipient.PERCENT: _NOBODY_THERE,
    Recipient.BANG: _NOBODY_THERE,
}
_WITHOUT_ROOM = {Recipient.NEARLY_FULL: "452 4.2.2 ", Recipient.TOO_SMALL: "552 5.2.2 "}
"""Told to the message: to the byte nobody is told how much room another one has who has not sent it."""
_OUTSIDE = (Recipient.OUTSIDE, Recipient.SUBDOMAIN, Recipient.SUFFIX)
_NO_PLAIN_ADDRESS = (Recipient.QUOTED, Recipient.ROUTE, Recipient.LITERAL, Recipient.TWO_AT, Recipient.NO_DOMAIN)
_FOR_STRANGERS = (
    Recipient.TEACHER,
    Recipient.IN_CAPITALS,
    Recipient.FULL,
    Recipient.NEARLY_FULL,
    Recipient.TOO_SMALL,
    Recipient.FAR_TOO_SMALL,
    Recipient.POSTMASTER,
    Recipient.BARE_POSTMASTER,
    Recipient.ROLE,
)
"""Whom somebody outside reaches; of all others he does not even learn that they are there (K26)."""


def expected(case: Case) -> Expected:
    """What the handbook promises for ``case``."""
    said = _to_sender(case)
    if said != _SENDER_FINE:
        return Expected((said,))
    reached = _to_recipient(case)
    if reached != _RECIPIENT_FINE:
        return Expected((said, reached))
    told = _to_message(case)
    if told != _STORED:
        return Expected((said, reached, told))
    return Expected((said, reached, told), case.recipient.boxes, case.recipient in _OUTSIDE)


def _to_sender(case: Case) -> str:
    account, sender = case.entry.account, case.sender
    if account is not None:
        speaks = sender is Sender.OWN_GROUP and account.role is not Role.PUPIL
        return _SENDER_FINE if sender is Sender.OWN or speaks else _FOREIGN
    if case.entry.machine is Place.DEVICE:
        return _SENDER_FINE if sender is Sender.THE_DEVICE else _FOREIGN
    if case.entry.machine is Place.RELAY:
        return _SENDER_FINE if sender in (Sender.OUTSIDE, Sender.NULL) else _FOREIGN
    return _NOBODY


def _to_recipient(case: Case) -> str:
    entry, recipient = case.entry, case.recipient
    if recipient in _NO_PLAIN_ADDRESS:
        return "5"
    if recipient in _OUTSIDE:
        return _RECIPIENT_FINE if entry.role in OUTSIDE_ROLES else _FOREIGN
    if entry.machine is Place.RELAY and recipient not in _FOR_STRANGERS:
        return _NOBODY_THERE
    if recipient in _GROUPS_OF and not _may_write_to(entry, GROUPS[_GROUPS_OF[recipient]]):
        return _FOREIGN
    if recipient in _WITHOUT_A_BOX:
        return _WITHOUT_A_BOX[recipient]
    return _RECIPIENT_FINE


def _may_write_to(entry: Entry, group: Group) -> bool:
    account = entry.account
    if account is not None and account.role is Role.PUPIL:
        return group.kind is GroupKind.CLUB and group.name in account.groups
    return account is not None or entry.machine is Place.DEVICE


def _to_message(case: Case) -> str:
    entry, head = case.entry, case.head
    if case.recipient in _WITHOUT_ROOM:
        return _WITHOUT_ROOM[case.recipient]
    if head in (From.NONE, From.TWICE):
        return _MALFORMED
    if entry.machine is Place.RELAY:  # outside several may write one message together, of which none may be ours
        return _STORED if head in (From.AS_ENVELOPE, From.OUTSIDE, From.ANSWERS_ELSEWHERE) else _FOREIGN
    if head is From.TWO_IN_ONE:
        return _MALFORMED
    if head is From.AS_ENVELOPE:
        return _STORED
    speaks = entry.account is not None and entry.account.role is not Role.PUPIL
    return _STORED if speaks and head in (From.OWN_GROUP, From.SENDER_AND_GROUP) else _FOREIGN


_SIGNED_IN = [Entry(port, role=role) for port in Port for role in Role]
_MACHINES = [Entry(Port.SMTP, place, tls) for place in (Place.DEVICE, Place.RELAY) for tls in (False, True)]
_MACHINES_SIGNED_IN = [Entry(Port.SMTP, place, role=Role.PUPIL) for place in (Place.DEVICE, Place.RELAY)]
_STRANGERS = [
    *(Entry(port) for port in Port),
    *(Entry(port, tls=False) for port in (Port.SUBMISSION, Port.SMTP)),
    *(Entry(port, place) for port in (Port.SUBMISSION, Port.SUBMISSIONS) for place in (Place.DEVICE, Place.RELAY)),
    Entry(Port.SMTP, Place.IN_DEVICE_NETWORK, tls=False),
]
ENTRIES: Final = (*_STRANGERS, *_SIGNED_IN, *_MACHINES, *_MACHINES_SIGNED_IN)


def own_sender(entry: Entry) -> Sender:
    """With which sender ``entry`` gets furthest."""
    if entry.machine is Place.DEVICE:
        return Sender.THE_DEVICE
    return Sender.OUTSIDE if entry.machine is Place.RELAY else Sender.OWN


def cases() -> Iterator[Case]:
    """Every way in with every sender; those that get in with every recipient and every head."""
    for entry in ENTRIES:
        for sender in Sender:
            yield Case(entry, sender)
        if entry in _STRANGERS:
            continue
        for recipient in Recipient:
            if recipient is not Recipient.TEACHER:
                yield Case(entry, own_sender(entry), recipient)
        for head in From:
            if head is not From.AS_ENVELOPE:
                yield Case(entry, own_sender(entry), head=head)
