"""What the second place does not have yet. Pure: lines in, paths out.

May live here: that rule, and which snapshot it is compared with. May not: files, or how something is sent.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from appliance.backup.units import Unit
from appliance.backup_server.manifest import Section, path_of


@dataclass(frozen=True, slots=True)
class Base:
    """A snapshot as we know it: ``index``, the SHA-256 of its index in hex, and the name of each unit's section.

    ``missing``: paths below their units that the sections promise, and that did not arrive.
    """

    index: str = ""
    sections: Mapping[Unit, str] = field(default_factory=dict)
    missing: Mapping[Unit, frozenset[bytes]] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Its bytes, to be kept."""
        return json.dumps(
            {
                "index": self.index,
                "sections": [(unit.part, unit.name, name) for unit, name in self.sections.items()],
                "missing": [
                    (unit.part, unit.name, [b64encode(path).decode("ascii") for path in sorted(paths)])
                    for unit, paths in self.missing.items()
                ],
            }
        ).encode()

    def without(self, forgotten: Collection[object]) -> Base:
        """The same, as if units had never been in it whose sections were ``forgotten`` over there."""
        kept = {unit: name for unit, name in self.sections.items() if name not in forgotten}
        return replace(self, sections=kept)

    @classmethod
    def decode(cls, data: bytes) -> Base:
        """Read it again; raises ``ValueError``."""
        try:
            kept = json.loads(data)
            return cls(
                str(kept["index"]),
                {Unit(part, name): str(section) for part, name, section in kept["sections"]},
                {Unit(part, name): frozenset(map(b64decode, paths)) for part, name, paths in kept["missing"]},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("a base of another version") from error


def chosen(candidates: Iterable[Base], index: str | None) -> Base:
    """The one of ``candidates`` whose index has this SHA-256; an empty one, against which all is new, if none has."""
    return next((one for one in candidates if index and one.index == index), Base())


def to_send(section: Section, before: Section | None, missing: Iterable[bytes]) -> Iterator[bytes]:
    """The paths of ``section`` that have no equal line in ``before``, and those of ``missing`` that are still in it."""
    had = frozenset(before.lines) if before is not None else frozenset()
    lacking = frozenset(missing)
    for line in section.lines:
        path = None if line in had and not lacking else path_of(line)
        if path is not None and (line not in had or path in lacking):
            yield path
