"""The commented default file of a section, made from its table: text only, nothing is written here.

Every option stands there with its default, so the file reads back as the defaults; above it what it means, its type,
unit, default and an example. Reading it back is tested, examples included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

import yaml

from appliance.daemon.options import REQUIRED, Kind, Option, options_of
from appliance.daemon.options_collections import ListOf, MappingOf
from appliance.daemon.options_table import Table

_WIDTH = 100


def render(section: type, heading: str) -> str:
    """Give the file of a section: ``heading`` as a comment, then every option."""
    head = "".join(f"# {line}\n" for line in wrap(heading, _WIDTH - 2))
    return head + "".join(f"\n{text}" for text in _blocks(options_of(section), 0))


def _blocks(options: Iterable[Option], level: int) -> Iterator[str]:
    """Give the lines of each option."""
    indent = "  " * level
    for row in options:
        comment = "".join(f"{indent}# {line}".rstrip() + "\n" for line in _comment(row, _WIDTH - 2 - len(indent)))
        if isinstance(row.kind, Table):
            inner = "\n".join(_blocks(row.kind.options, level + 1))
            yield f"{comment}{indent}{row.key}:\n{inner}"
        else:
            lines = _value(row.key, row.default).splitlines()
            yield comment + "".join(f"{indent}{line}\n" for line in lines)


def _comment(row: Option, width: int) -> Iterator[str]:
    yield from wrap(row.help, width)
    if isinstance(row.kind, Table):
        return
    unit = f" Unit: {row.unit}." if row.unit else ""
    yield from wrap(f"Type: {row.kind.name}.{unit} Default: {_short(row.default)}.", width)
    yield from _inner(row.kind, width)
    if row.example is not None:
        example = _value(row.key, row.example).splitlines()
        yield from [f"Example: {example[0]}"] if len(example) == 1 else ["Example:", *(f"  {line}" for line in example)]


def _inner(kind: Kind[object], width: int) -> Iterator[str]:
    """Say what the entries of a list or mapping of tables hold."""
    inner = kind.item if isinstance(kind, ListOf) else kind.value if isinstance(kind, MappingOf) else None
    if not isinstance(inner, Table):
        return
    yield "Each entry:"
    for row in inner.options:
        default = "needed" if row.default is REQUIRED else f"default: {_short(row.default)}"
        text = f"{row.key} ({row.kind.name}; {default}): {row.help}"
        if row.example is not None:
            text += f" Example: {_short(row.example)}"
        yield from wrap(text, width, initial_indent="  ", subsequent_indent="    ")


def _value(key: str, value: object) -> str:
    """Give ``key: value`` as YAML, in lines of their own for what is long."""
    short = f"{key}: {_short(value)}\n"
    if not isinstance(value, (dict, list)) or (len(short) <= _WIDTH - 20 and not _deep(value)):
        return short
    return yaml.safe_dump({key: value}, default_flow_style=None, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _deep(value: dict[str, object] | list[object]) -> bool:
    return any(isinstance(item, dict) for item in (value.values() if isinstance(value, dict) else value))


def _short(value: object) -> str:
    """Give a value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
