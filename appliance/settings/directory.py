"""``directory.yaml``: where it is written who is who."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import Maybe
from appliance.daemon.options_numbers import duration, integer, size
from appliance.daemon.options_values import choice, text

_PART = r"(dc|o|ou|l|c)=[^\s,=+\"\\<>;#]([^,=+\"\\<>;#]*[^\s,=+\"\\<>;#])?"


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """The directory; durations in seconds, ``argon2_memory`` in bytes; ``base`` never ``auto`` once loaded."""

    kind: str = option(
        choice(("slapd", "ldap")),
        "slapd",
        "Which directory: one of the server's own (slapd), or one that exists already, found at uri (ldap).",
        example="ldap",
    )
    uri: str | None = option(
        Maybe(text(r"ldaps?://[A-Za-z0-9.:\[\]-]+", "a URI such as ldaps://dc.schule.example")),
        None,
        "Where an existing directory is (kind ldap only).",
        example="ldaps://dc.schule.example",
    )
    base: str = option(
        text(rf"auto|{_PART}(,{_PART})*", "a name such as dc=schule,dc=example, or auto"),
        "auto",
        "Top entry of the school; auto: made from the school's domain (dc=schule,dc=example).",
        example="ou=schule,dc=town,dc=example",
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
