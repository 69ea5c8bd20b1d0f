"""``mail.yaml``, ``outside``: mail to and from outside of the school, by role; off while no role is named (K08)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, Maybe
from appliance.daemon.options_network import NETWORK, Network
from appliance.daemon.options_numbers import duration, size
from appliance.daemon.options_reading import Reading, Source
from appliance.daemon.options_values import BOOLEAN, PATH, Scalar, choice, text
from appliance.policy.account import Role
from appliance.settings.proxy import DESTINATION, Destination

Scanner = Path | Destination
"""Where a scanner listens: the path of a local socket, or a host and port."""


def _scanner(value: str) -> Scanner:
    return PATH.parse(value) if value.startswith("/") else DESTINATION.parse(value)


_SOCKET: Scalar[Scanner] = Scalar("socket", "a path such as /run/clamav/clamd.ctl, or host:port", _scanner)
_SCANNER: Maybe[Path | Destination] = Maybe(_SOCKET)
_ROLES = ListOf(choice(Role))
_SELECTOR = text(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", "letters, digits and -, such as school2026", longest=63
)


@dataclass(frozen=True, slots=True)
class OutsideMail:
    """Mail that crosses the school's border; durations in seconds. ``password_file`` is read when mail is sent."""

    send: tuple[Role, ...] = option(
        _ROLES,
        [],
        "Roles that may write to addresses outside of the school (K08, K34); needs a smarthost.",
        example=["teacher", "office"],
    )
    receive: tuple[Role, ...] = option(
        _ROLES, [], "Roles that get mail from outside (K10); needs relays.", example=["teacher", "office"]
    )
    smarthost: Destination | None = option(
        Maybe(DESTINATION),
        None,
        "The mail server that takes all mail to the outside, as the provider names it.",
        example="mail.town.example:587",
    )
    encryption: str = option(
        choice(("starttls", "tls")),
        "starttls",
        "How the way there is encrypted: starttls (port 587 as a rule), or tls from the first byte (465).",
        example="tls",
    )
    ca: Path | None = option(
        Maybe(PATH),
        None,
        "Certificates that prove the smarthost where the system's do not (PEM).",
        example="/etc/schoolserver/smarthost.pem",
    )
    login: str | None = option(
        Maybe(text(longest=250)), None, "Login there, if it wants one.", example="schule@town.example"
    )
    password_file: Path | None = option(
        Maybe(PATH),
        None,
        "File whose first line is the password there; the mail service must be able to read it, others must not.",
        example="/etc/schoolserver/smarthost.password",
    )
    relays: tuple[Network, ...] = option(
        ListOf(NETWORK),
        [],
        "Addresses from which mail from outside is taken, on port 25: those of the smarthost, or of the mail servers "
        "that the school's domain names (MX). They can hand in nothing else.",
        example=["192.0.2.25"],
    )
    expire: float = option(
        duration(60, 30 * 86400),
        "3 days",
        "Mail that could not be handed on for so long goes back to its sender.",
        example="5 days",
    )
    delayed: float = option(
        duration(60, 30 * 86400), "4 h", "Its sender is told once when it takes longer than that.", example="1 h"
    )
    retry_first: float = option(
        duration(1, 86400), "5 min", "It is tried again after so long at first, then each time later.", example="1 min"
    )
    retry_last: float = option(duration(1, 7 * 86400), "1 h", "And after so long at the most.", example="4 h")
    alert_after: float = option(
        duration(60, 30 * 86400), "1 h", "Status turns red when the oldest mail waits for longer.", example="6 h"
    )
    spool_max: int = option(
        size(10**6, 10**15),
        "2 GB",
        "How much may wait to go outside, all letters together; then no more is taken until some has left.",
        example="10 GB",
    )
    dkim_selector: str | None = option(
        Maybe(_SELECTOR),
        None,
        "Mail to the outside is signed (DKIM, RFC 6376) with a key that the server makes and keeps, under this name; "
        "`schoolserver check --outside` says what the domain's DNS must hold.",
        example="school2026",
    )
    clamd: Path | Destination | None = option(
        _SCANNER,
        None,
        "ClamAV, which looks through mail from outside; while it is away, that mail waits outside.",
        example="/run/clamav/clamd.ctl",
    )
    milter: Path | Destination | None = option(
        _SCANNER,
        None,
        "A mail filter (milter) that may refuse mail from outside, such as rspamd's; it cannot change any.",
        example="127.0.0.1:11332",
    )
    scan_all: bool = option(
        BOOLEAN, False, "Whether both look through mail inside of the school and to the outside, too.", example=True
    )


_PATHS = "mail.outside."
_WIDEST = {4: 16, 6: 32}
_TLS_AT_ONCE = 465


def _needs_smarthost(reading: Reading) -> None:
    if reading.value(f"{_PATHS}send") and reading.value(f"{_PATHS}smarthost") is None:
        found = "roles that may send, but no way out"
        reading.report(reading.sources[f"{_PATHS}send"], found, "[], or a smarthost")


def _needs_relays(reading: Reading) -> None:
    if reading.value(f"{_PATHS}receive") and not reading.value(f"{_PATHS}relays"):
        found = "roles that get mail from outside, but nobody who may bring it"
        reading.report(reading.sources[f"{_PATHS}receive"], found, "[], or relays")


def _login_with_password(reading: Reading) -> None:
    if (reading.value(f"{_PATHS}login") is None) != (reading.value(f"{_PATHS}password_file") is None):
        given = "login" if reading.value(f"{_PATHS}login") is not None else "password_file"
        reading.report(reading.sources[f"{_PATHS}{given}"], f"{given} alone", "both login and password_file")


def _scans_with_something(reading: Reading) -> None:
    if reading.value(f"{_PATHS}scan_all") and not any(reading.value(f"{_PATHS}{name}") for name in ("clamd", "milter")):
        found = "scan_all, but nothing that looks through mail"
        reading.report(reading.sources[f"{_PATHS}scan_all"], found, "false, or clamd or milter")


def _tls_at_its_port(reading: Reading) -> None:
    """At 465 a server waits for TLS and says nothing (RFC 8314 3.3): STARTTLS never begins."""
    smarthost: Destination | None = reading.value(f"{_PATHS}smarthost")
    if smarthost is not None and smarthost.port == _TLS_AT_ONCE and reading.value(f"{_PATHS}encryption") == "starttls":
        found = f"{smarthost.host}:{smarthost.port} with encryption: starttls"
        reading.report(reading.sources[f"{_PATHS}smarthost"], found, "encryption: tls at port 465, or port 587")


def _relays(reading: Reading) -> Iterator[tuple[Source, Network]]:
    relays: tuple[Network, ...] = reading.value(f"{_PATHS}relays")
    for number, relay in enumerate(relays):
        yield reading.sources[f"{_PATHS}relays[{number}]"], relay


def _relays_are_few(reading: Reading) -> None:
    """Whoever counts as a relay may write as anybody outside: not half the internet."""
    for source, relay in _relays(reading):
        if relay.prefixlen < _WIDEST[relay.version]:
            reading.report(source, f"{relay}, which is very wide", f"networks of at most /{_WIDEST[relay.version]}")


def _relays_are_not_the_school(reading: Reading) -> None:
    """A PC or a device that counts as the smarthost could write as anybody outside."""
    own: tuple[Network, ...] = reading.value("network.networks")
    rooms = [network for networks in reading.value("network.rooms").values() for network in networks]
    taken = [*rooms, *reading.value("network.device_networks")]
    for source, relay in _relays(reading):
        wide = own if relay.prefixlen < relay.max_prefixlen else ()
        near = [each for each in (*taken, *wide) if each.version == relay.version and each.overlaps(relay)]
        if near:
            allowed = "single addresses where neither PCs nor devices are"
            reading.report(source, f"{relay}, which meets the school's network {near[0]}", allowed)


def _times(reading: Reading) -> None:
    for before, after in (("retry_first", "retry_last"), ("delayed", "expire"), ("retry_last", "expire")):
        if reading.value(f"{_PATHS}{before}") > reading.value(f"{_PATHS}{after}"):
            found = f"{before} longer than {after}"
            reading.report(reading.sources[f"{_PATHS}{before}"], found, f"{before} up to {after}")


OUTSIDE_CHECKS: tuple[Callable[[Reading], None], ...] = (
    _needs_smarthost,
    _needs_relays,
    _login_with_password,
    _scans_with_something,
    _tls_at_its_port,
    _relays_are_few,
    _relays_are_not_the_school,
    _times,
)
"""What must fit together here."""
