"""One table per option: its key, type, default, unit, help and example, written where the value is declared.

A section of settings is a frozen dataclass whose fields are made by :func:`option`; its field names are the keys of the
YAML file. From the same declaration come the reader (``options_table``) and the commented default file
(``options_render``). May not live here: types of values (``options_values`` and its neighbours), reading, and anything
a school knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Protocol, TypeVar, cast

import yaml

from appliance.daemon.options_reading import Reading, SettingsError, Source, Wrong

__all__ = ["REQUIRED", "Kind", "Option", "SettingsError", "option", "options_of"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

REQUIRED: Final = object()


class Kind(Protocol[T_co]):
    """The type of an option.

    ``name`` is what the commented file calls it (``size``), ``allowed`` what a message says is allowed. ``read`` turns
    a YAML node into a value; what is wrong goes into the reading and ``WRONG`` comes back: it never raises.
    """

    @property
    def name(self) -> str:
        """Name of the type, for the commented file."""
        ...

    @property
    def allowed(self) -> str:
        """What may stand here, for a message: ``a size such as 20 MB``."""
        ...

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> T_co | Wrong:
        """Give the value of ``node``, or ``WRONG`` with at least one problem in ``reading``."""
        ...


@dataclass(frozen=True, slots=True)
class Option:
    """One line of the table.

    ``default`` and ``example`` as they would stand in the file (plain YAML values); what has the default ``REQUIRED``
    must be given, an ``example`` of ``None`` needs none. ``unit`` is what a plain number counts.
    """

    key: str
    kind: Kind[Any]
    default: object
    help: str
    unit: str = ""
    example: object = None


def option(kind: Kind[T], default: object, help: str, *, unit: str = "", example: object = None) -> T:
    """Declare a field of a section as an option; ``default`` and ``example`` are written as in YAML (``"20 MB"``).

    The result is the dataclass field, typed as the value that reading gives; constructing a section needs every value.
    """
    row = Option("", kind, default, help, unit, example)
    return cast(T, field(metadata={"option": row}))


def options_of(section: type) -> tuple[Option, ...]:
    """Give the options that the fields of a section declare, in their order."""
    return tuple(replace(item.metadata["option"], key=item.name) for item in fields(section))
