"""A YAML file as nodes with line numbers, or problems: never a traceback, never more work than the file is worth.

Nodes keep the text of a value as it was typed, so ``no`` as a login or ``012`` as a room arrive unharmed. Anchors,
aliases and tags are refused: settings need none, and they are how a small file becomes a big one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from yaml.reader import ReaderError

from appliance.daemon.options_reading import Reading, Source

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
_SYNTAX = "YAML: key: value, lists in [ ] or with dashes, levels indented with spaces"
_NAMES = {
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:bool": "yes or no",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
}


def read_file(path: Path, reading: Reading) -> yaml.Node | None:
    """Give the top node of a file, an empty mapping for an empty one; ``None`` with a problem when it is no YAML."""
    whole = Source(path.name, None, "")
    try:
        content = _read_bytes(path)
    except OSError as error:
        reading.report(whole, f"a file that cannot be read ({error.strerror})", "a readable file")
        return None
    if len(content) > MAX_BYTES:
        reading.report(whole, f"more than {MAX_BYTES // 1024} KiB", f"at most {MAX_BYTES // 1024} KiB")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Source(path.name, content.count(b"\n", 0, error.start) + 1, "")
        reading.report(place, f"the byte 0x{content[error.start]:02x}", "text in UTF-8 only")
        return None
    return compose(text, path.name, reading)


def compose(text: str, file: str, reading: Reading) -> yaml.Node | None:
    """Give the top node of a YAML text; ``None`` with a problem when it is none."""
    try:
        if not _plain(text, file, reading):
            return None
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        return node or yaml.MappingNode("tag:yaml.org,2002:map", [])
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = _HINTS.get(_character(mark), "")
        line = mark.line + 1 if mark else None
        reading.report(
            Source(file, line, ""), f"{str(error.problem or error.context).removeprefix('found ')}{hint}", _SYNTAX
        )
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reading.report(Source(file, line, ""), f"the character U+{int(error.character):04X}", "printable text")
    except (ValueError, OverflowError):
        # PyYAML lets these two out for escapes and version numbers beyond what Python can hold.
        reading.report(Source(file, None, ""), "an escape or number that is too large", _SYNTAX)
    return None


def _plain(text: str, file: str, reading: Reading) -> bool:
    """Look for what settings do not need before any of it is built; ``False`` when there is some."""
    depth = 0
    plain = True
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, NodeEvent) and (event.anchor or getattr(event, "tag", None)):
            found = "an anchor or alias (& or *)" if event.anchor else "a tag (!)"
            reading.report(Source(file, line, ""), found, "plain values; put a text that begins so in quotes")
            plain = False
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            reading.report(Source(file, line, ""), f"more than {MAX_DEPTH} levels", f"at most {MAX_DEPTH} levels")
            return False
    return plain


def entries(node: yaml.MappingNode, source: Source, reading: Reading) -> Iterator[tuple[str, int, yaml.Node]]:
    """Give key, line and value of each entry of a mapping; a repeated key or one that is no text is a problem."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            reading.report(Source(source.file, line, source.key), f"{describe(key)} as a key", "a name")
        elif key.value in seen:
            place = source.child(key.value, line)
            reading.report(place, f"the key again (first in line {seen[key.value]})", "each key once")
        else:
            seen[key.value] = line
            yield key.value, line, value


def describe(node: yaml.Node) -> str:
    """Say what a node is, shortly and printably: ``'20 M'``, ``a list``, ``nothing``."""
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if not node.value or node.tag == "tag:yaml.org,2002:null":
        return "nothing"
    text = node.value if len(node.value) <= 60 else f"{node.value[:57]}..."
    what = _NAMES.get(node.tag, "")
    return f"{text!r} ({what})" if what else repr(text)


def _read_bytes(path: Path) -> bytes:
    """Read at most one byte more than allowed, and from a regular file only: a pipe would keep us waiting."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "no regular file")
        return file.read(MAX_BYTES + 1)


_HINTS = {"\t": " (a tab: indent with spaces)", "%": " (a text that begins with % needs quotes)"}


def _character(mark: yaml.Mark | None) -> str:
    """The character at which the parser stopped."""
    return mark.buffer[mark.pointer] if mark and mark.buffer and mark.pointer < len(mark.buffer) else ""
