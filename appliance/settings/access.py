"""``access.yaml``: which modules are open to whom, where and when (K19), consents (K23), limits (K12): as written.

What these mean to the policy is made by ``access_compile``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from appliance.daemon.options import Option, option
from appliance.daemon.options_collections import ListOf, MappingOf, Maybe, WordOr
from appliance.daemon.options_numbers import size
from appliance.daemon.options_table import Table, table
from appliance.daemon.options_values import Scalar, choice
from appliance.policy.account import Consent, Role, Service
from appliance.policy.targets import host_of
from appliance.settings.network import ROOM
from appliance.settings.rule_words import GROUP, LOGIN, Words


def _target(value: str) -> str:
    host = host_of(value.removeprefix("*."))
    if host is None or (value.isascii() and value != host):
        raise ValueError(host or "")
    return host


_TARGET = Scalar("domain", "a domain such as example.org, which means all below it too", _target)
_SERVICES = ListOf(choice(Service), fewest=1)
_OPEN = WordOr(choice(("all", "off")), ListOf(choice(Role), fewest=1))
_MODULES = (
    Option(Service.MAIL, _OPEN, "all", "Mail inside the school.", example=["teacher", "office"]),
    Option(Service.FILES, _OPEN, "all", "Home and group drives.", example="off"),
    Option(Service.WEB, _OPEN, "all", "The internet through the filter.", example=["teacher", "staff", "office"]),
    Option(
        Service.PC,
        _OPEN,
        "all",
        "Log-on at the school's PCs, where the directory is a domain.",
        example=["teacher", "staff", "office"],
    ),
)
_NEEDED = ListOf(choice(Consent))
_CONSENTS = (
    Option(Service.MAIL, _NEEDED, ["account", "logs"], "Consents needed for mail.", example=["account"]),
    Option(Service.FILES, _NEEDED, ["account"], "Consents needed for drives.", example=[]),
    Option(Service.WEB, _NEEDED, ["account", "logs"], "Consents needed for the internet.", example=["account"]),
    Option(Service.PC, _NEEDED, ["account"], "Consents needed for log-on at the school's PCs.", example=[]),
)


@dataclass(frozen=True, slots=True)
class RuleEntry(Words):
    """One rule as written; empty fields do not narrow it. Exactly one of ``allow`` and ``deny`` is given."""

    rooms: tuple[str, ...] = option(
        ListOf(ROOM), [], "Only in these rooms of network.yaml; not for pc.", example=["12"]
    )
    allow: tuple[Service, ...] | None = option(Maybe(_SERVICES), None, "Services that the rule opens.", example=["web"])
    deny: tuple[Service, ...] | None = option(Maybe(_SERVICES), None, "Services that the rule closes.", example=["web"])
    targets: tuple[str, ...] = option(
        ListOf(_TARGET), [], "Only to these domains and all below them (web).", example=["example.org"]
    )


@dataclass(frozen=True, slots=True)
class LimitEntry:
    """Limits in bytes; ``None``: as for everyone."""

    upload: int | None = option(Maybe(size(1)), None, "Largest upload or attachment.", example="100 MB")
    download: int | None = option(Maybe(size(1)), None, "Largest download.", example="100 MB")


_ENTRY = table(LimitEntry)


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Limits in bytes of one service; ``None``: as in every service."""

    upload: int | None = option(Maybe(size(1)), None, "Largest upload or attachment.", example="10 MB")
    download: int | None = option(Maybe(size(1)), None, "Largest download.", example="50 MB")
    roles: Mapping[Role, LimitEntry] = option(
        MappingOf(choice(Role), _ENTRY), {}, "For some roles.", example={"teacher": {"upload": "50 MB"}}
    )


@dataclass(frozen=True, slots=True)
class LimitEntries:
    """Limits in bytes for everyone, and for some by role, service, group, login and room."""

    upload: int = option(size(1), "20 MB", "Largest upload, and largest attachment of a mail.", example="50 MiB")
    download: int = option(size(1), "20 MB", "Largest download.", example="50 MiB")
    roles: Mapping[Role, LimitEntry] = option(
        MappingOf(choice(Role), _ENTRY),
        {},
        "Other limits for some roles; what is not given is as for everyone.",
        example={"teacher": {"upload": "100 MB"}},
    )
    services: Mapping[Service, ServiceLimits] = option(
        MappingOf(choice(tuple(service for service in Service if service.transfers)), table(ServiceLimits)),
        {},
        "Other limits in one service; they come before those of roles.",
        example={"mail": {"upload": "10 MB", "roles": {"office": {"upload": "50 MB"}}}},
    )
    groups: Mapping[str, LimitEntry] = option(
        MappingOf(GROUP, _ENTRY),
        {},
        "Other limits for members of groups, before those of services; of several groups the largest counts.",
        example={"schulzeitung": {"upload": "200 MB", "download": "200 MB"}},
    )
    users: Mapping[str, LimitEntry] = option(
        MappingOf(LOGIN, _ENTRY),
        {},
        "Other limits for single accounts, before all others. For an agreed exception: schoolserver limits allow.",
        example={"anna.lehmann": {"upload": "200 MB"}},
    )
    rooms: Mapping[str, LimitEntry] = option(
        MappingOf(ROOM, _ENTRY),
        {},
        "Limits inside rooms of network.yaml; they only raise what somebody has anyway.",
        example={"12": {"upload": "500 MB", "download": "500 MB"}},
    )


def _by_service(**values: object) -> Mapping[Service, object]:
    return MappingProxyType({Service(name): value for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class AccessFile:
    """The file as written; ``modules`` by service: ``all``, ``off`` or roles."""

    modules: Mapping[Service, str | tuple[Role, ...]] = option(
        Table(_MODULES, _by_service),
        {},
        "Who may use each module when no rule below says otherwise: all, off, or a list of roles.",
    )
    rules: tuple[RuleEntry, ...] = option(
        ListOf(table(RuleEntry), repeats=True),
        [],
        "Exceptions and times. The first rule that fits decides, before what modules says.",
        example=[
            {"deny": ["web"], "roles": ["pupil"], "rooms": ["12"], "weekdays": ["mon-fri"], "times": ["09:00-09:45"]},
            {"allow": ["web"], "groups": ["klasse3a"], "targets": ["example.org"], "holidays": "except"},
        ],
    )
    consents: Mapping[Service, tuple[Consent, ...]] = option(
        Table(_CONSENTS, _by_service), {}, "Consents that each module needs (account, logs, video, third-party; K23)."
    )
    limits: LimitEntries = option(table(LimitEntries), {}, "How large a transfer may be, in every service (K12).")
