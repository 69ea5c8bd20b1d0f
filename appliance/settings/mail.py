"""``mail.yaml``: the mail service; who may use it and how large a file may be stands in ``access.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf
from appliance.daemon.options_numbers import duration, integer, size
from appliance.daemon.options_table import table
from appliance.settings.mail_devices import MailDevice
from appliance.settings.mail_outside import OutsideMail
from appliance.settings.mail_rules import RuleSettings


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail; durations in seconds, sizes in bytes, ``line_length`` in bytes without the line's end (RFC 5321 4.5.3)."""

    workers: int = option(
        integer(1, 64), 1, "Processes that take in mail; one per core at the most.", unit="processes", example=2
    )
    idle_timeout: float = option(
        duration(1, 3600), "5 min", "A mail program that says nothing for so long is disconnected.", example="2 min"
    )
    connections: int = option(
        integer(1, 100_000), 500, "Connections that one process serves at once.", unit="connections", example=1000
    )
    connections_per_address: int = option(
        integer(1, 100_000), 30, "Of these, from one address.", unit="connections", example=100
    )
    commands_max: int = option(
        integer(10, 1_000_000), 1000, "Commands in one connection.", unit="commands", example=5000
    )
    sign_ins_max: int = option(
        integer(1, 100), 5, "Attempts to sign in within one connection.", unit="attempts", example=3
    )
    recipients_max: int = option(
        integer(1, 10_000),
        100,
        "Recipients that a mail program may name for one message; rules below says to how many people one may write.",
        unit="recipients",
        example=40,
    )
    line_length: int = option(integer(998, 65_536), 998, "Longest line of a message.", unit="bytes", example=4096)
    message_overhead: int = option(
        size(1024, 2**30),
        "256 KiB",
        "What a message may weigh beyond its largest allowed attachment: head and text.",
        example="1 MiB",
    )
    messages_max: int = option(
        integer(100, 100_000_000),
        100_000,
        "Messages in all folders of an account, beyond which its mail programs can add none; delivery goes on.",
        unit="messages",
        example=50_000,
    )
    mailboxes_max: int = option(
        integer(10, 1_000_000),
        500,
        "Folders of an account's mailbox; with Dovecot 2.3 who is quick makes some more before it is noticed.",
        unit="folders",
        example=100,
    )
    devices: tuple[MailDevice, ...] = option(
        ListOf(table(MailDevice), repeats=True),
        [],
        "Devices that hand in mail on port 25 without signing in, for people of the school only.",
        example=[{"address": "10.1.30.5", "sender": "kopierer@schule.example", "name": "Kopierer"}],
    )
    rules: RuleSettings = option(table(RuleSettings), {}, "Who may write what to whom, and to how many (K08, K09).")
    outside: OutsideMail = option(
        table(OutsideMail), {}, "Mail to and from outside of the school (K08, K34); off as long as no role is named."
    )
