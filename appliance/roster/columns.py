"""Which column of a roster file means what: the headers seen in the field, and those that a profile names. Pure."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping, Sequence

FIELDS: Mapping[str, tuple[str, ...]] = {
    "source_id": ("Import-ID", "ID", "SchuelerIdentNummer"),
    "given_name": ("Vorname", "Rufname", "SchuelerRufname"),
    "surname": ("Nachname", "Familienname", "SchuelerNachname"),
    "class": ("Klasse/Information", "Klasse", "Klassen", "GruppeBezeichung", "GruppeBezeichnung"),
    "courses": ("Kurse", "Kurs"),
    "clubs": ("AGs", "AG", "Arbeitsgemeinschaften"),
    "role": ("Rolle",),
    "birth_date": ("Geburtsdatum",),
    "consents": ("Einwilligungen",),
    "login": ("Account", "Login", "Wunschlogin", "Benutzername"),
    "teacher_code": ("Lehrerkuerzel", "Lehrerkürzel", "Kürzel"),
}
"""Field of a row -> headers that mean it, whatever their case. A password in a file is one that others have read (K02,
K03): no column for it is ever looked at."""

REQUIRED = ("source_id", "given_name", "surname")


class ColumnError(ValueError):
    """A header does not name what an import needs; the text says which and what is near."""


def resolve(header: Sequence[str], profile: Mapping[str, str]) -> Mapping[str, int]:
    """Position of each field in ``header``; ``profile`` (field -> header) goes before the headers known anyway.

    Raises :class:`ColumnError` for a required or a profile's column that is missing and for one that is there twice.
    """
    present: dict[str, int] = {}
    for position, name in enumerate(header):
        plain = _plain(name)
        if plain and plain in present:
            raise ColumnError(f"the column «{name.strip()}» stands there twice; remove one of them")
        present[plain] = position
    found: dict[str, int] = {}
    for field, known in FIELDS.items():
        names = (profile[field],) if field in profile else known
        positions = [present[_plain(name)] for name in names if _plain(name) in present]
        if len(positions) > 1:
            listed = ", ".join(f"«{header[position].strip()}»" for position in positions)
            raise ColumnError(f"{listed} mean the same ({field}); remove one, or choose in a profile (accounts.yaml)")
        if positions:
            found[field] = positions[0]
        elif field in REQUIRED or field in profile:
            raise ColumnError(f"no column for {field} (for example «{names[0]}»){_near(names, header)}")
    return found


def _plain(header: str) -> str:
    return unicodedata.normalize("NFC", header).strip().strip('"').casefold()


def _near(names: Sequence[str], header: Sequence[str]) -> str:
    present = {_plain(name): name.strip() for name in header if name.strip()}
    for name in names:
        if near := difflib.get_close_matches(_plain(name), list(present), n=1, cutoff=0.75):
            return f"; did you mean «{present[near[0]]}»?"
    return f"; the file has: {', '.join(present.values())}"
