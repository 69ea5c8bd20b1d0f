"""``accounts.yaml``: how rosters are read and how far an import may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import MappingOf, Maybe
from appliance.daemon.options_numbers import number
from appliance.daemon.options_table import table
from appliance.daemon.options_values import choice, text
from appliance.policy.account import Role

COLUMNS = (
    "source_id",
    "given_name",
    "surname",
    "class",
    "courses",
    "clubs",
    "role",
    "birth_date",
    "consents",
    "login",
    "teacher_code",
)
"""What a row of a roster can say; a password in it is never taken (K02, K03)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How to read one kind of CSV file.

    ``columns``: one of ``COLUMNS`` to the header of its column, before the headers known anyway; ``role``: what
    somebody is when no column says it (``None``: then the row is a problem or, by its columns, plain).
    """

    role: Role | None = option(
        Maybe(choice(Role)), None, "What everyone in the file is when no column says it.", example="teacher"
    )
    columns: Mapping[str, str] = option(
        MappingOf(choice(COLUMNS), text()),
        {},
        "Headers that are not known anyway, upper or lower case.",
        example={"source_id": "Schülernummer", "class": "Lerngruppe"},
    )


@dataclass(frozen=True, slots=True)
class Accounts:
    """Imports: ``gone_share`` from 0 to 1; ``profiles`` by name."""

    gone_share: float = option(
        number(0, 1),
        0.1,
        "Share of all accounts that an import may take away; above it the import stops and asks (K24). "
        "The same share holds for folders put aside, of which five of a kind always go.",
        unit="share of all",
        example=0.25,
    )
    profiles: Mapping[str, Profile] = option(
        MappingOf(text(r"[a-z][a-z0-9-]{0,29}", "a name of lower case letters, digits and dashes"), table(Profile)),
        {"generic": {}},
        "Kinds of CSV files by name. Separators and encoding are found out, and the usual headers are known.",
        example={"generic": {}, "staff": {"role": "teacher", "columns": {"source_id": "Personalnummer"}}},
    )
