"""``alerts.yaml``: whom the server tells when it is not well, and the way there while its own mail is down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, Maybe
from appliance.daemon.options_numbers import duration
from appliance.daemon.options_values import BOOLEAN, PATH, choice, text
from appliance.settings.proxy import DESTINATION, Destination

_ADDRESS = text(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
    "a mail address such as carer@town.example",
    longest=250,
)


@dataclass(frozen=True, slots=True)
class Alerts:
    """Alerts; durations in seconds. ``to`` as written; ``password_file`` is read when an alert is sent, never kept."""

    to: tuple[str, ...] = option(
        ListOf(_ADDRESS),
        [],
        "Who gets a mail when the server is not well: addresses of the school (they get it from the school's own mail, "
        "while that works) and outside (through the smarthost). Without any, only status and the text at log-in tell.",
        example=["ada.admin@schule.example", "carer@town.example"],
    )
    smarthost: Destination | None = option(
        Maybe(DESTINATION),
        None,
        "The mail server outside that takes alerts, also while our own mail is down.",
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
        Maybe(text(longest=250)), None, "Login there, if it wants one.", example="schoolserver@town.example"
    )
    password_file: Path | None = option(
        Maybe(PATH),
        None,
        "File whose first line is the password there; the supervisor must be able to read it, others must not.",
        example="/etc/schoolserver/alerts.password",
    )
    sender: str | None = option(
        Maybe(_ADDRESS),
        None,
        "From whom alerts that go through the smarthost are. Without it: the login, if that is an address, else "
        "postmaster of the school's domain.",
        example="schoolserver@town.example",
    )
    after: float = option(
        duration(10, 7 * 86400), "10 min", "How long something must be not well before it is told.", example="30 min"
    )
    repeat: float = option(
        duration(600, 90 * 86400), "1 day", "How often it is told again while it goes on.", example="12 h"
    )
    recovered: bool = option(
        BOOLEAN, True, "Whether one more mail follows when all of it is well again.", example=False
    )
