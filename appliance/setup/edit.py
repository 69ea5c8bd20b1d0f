"""Changing one key of a YAML text that belongs to somebody else: order, comments and all other lines stay.

Pure: text in, text out. What was changed is read back, and rather than damage a file nothing is changed at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

_MAP, _STR, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("map", "str", "null"))
_Edit = tuple[int, int, str]


class CannotEdit(Exception):
    """The text is not one in which a key can be changed; its text says why, for the carer."""


def set_value(text: str, key: str, value: yaml.Node, comment: str = "") -> str:
    """Give ``text`` with ``key`` of its top level set to ``value``; a new key comes last, below its ``comment``.

    Raises :class:`CannotEdit`.
    """
    top = _top(text)
    former = _find(top, key)
    if former is None:
        lines = "".join(f"# {line}\n" for line in comment.splitlines())
        before = text if not text or text.endswith("\n") else f"{text}\n"
        made = f"{before}{'' if not text or text.endswith(chr(10) * 2) else chr(10)}{lines}{_dump(key, value)}\n"
    else:
        made = _apply(text, list(_replace(text, key, former, value)))
    _prove(text, made, key, value)
    return made


def find(text: str, key: str) -> yaml.Node | None:
    """Give what stands at ``key`` of the top level; raises :class:`CannotEdit` for a text that is no such file."""
    found = _find(_top(text), key)
    return None if found is None else found[1]


def same(one: yaml.Node | None, other: yaml.Node | None) -> bool:
    """Say whether two values are written with the same words, however they are laid out."""
    return _plain(one) == _plain(other)


def _top(text: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise CannotEdit(f"it is not YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    if node is None:
        return yaml.MappingNode(_MAP, [])
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise CannotEdit("it is not a file of lines such as key: value")
    return node


def _find(mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((name, value) for name, value in mapping.value if name.value == key), None)


def _replace(text: str, key: str, former: tuple[yaml.Node, yaml.Node], value: yaml.Node) -> Iterator[_Edit]:
    """Change a mapping entry by entry, so that comments between its entries stay; anything else as a whole."""
    name, old = former
    entrywise = isinstance(old, yaml.MappingNode) and isinstance(value, yaml.MappingNode) and not old.flow_style
    entrywise = entrywise and all(_begins_line(text, one) for one, _ in old.value)
    kept = [one.value for one, _ in value.value] if entrywise else []
    if not entrywise or not any(one.value in kept for one, _ in old.value):
        yield name.start_mark.index, _end(text, old), _dump(key, value, name.start_mark.column)
        return
    column = old.value[0][0].start_mark.column
    for one, child in old.value:
        wanted = next((new for new_name, new in value.value if new_name.value == one.value), None)
        if wanted is None:
            start = text.rfind("\n", 0, one.start_mark.index) + 1
            stop = text.find("\n", _end(text, child))
            yield start, len(text) if stop < 0 else stop + 1, ""
        elif not same(child, wanted):
            yield one.start_mark.index, _end(text, child), _dump(one.value, wanted, column)
    last = _end(text, [child for one, child in old.value if one.value in kept][-1])
    stop = text.find("\n", last)
    place = len(text) if stop < 0 else stop
    present = [one.value for one, _ in old.value]
    added = [_dump(one.value, new, column) for one, new in value.value if one.value not in present]
    yield place, place, "".join(f"\n{' ' * column}{lines}" for lines in added)


def _begins_line(text: str, key: yaml.Node) -> bool:
    """Whether nothing stands before a key, such as the ``?`` of a complex one (YAML 1.1, 8.2.2)."""
    start = key.start_mark.index
    return not text[text.rfind("\n", 0, start) + 1 : start].strip(" ")


def _end(text: str, node: yaml.Node) -> int:
    """Where the words of a value end; PyYAML counts the comments after a block to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    stop: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        return len(text[:stop].rstrip())
    return stop


def _apply(text: str, edits: list[_Edit]) -> str:
    """Make the changes from the back, so that the places in front of them stay where they are."""
    for start, stop, words in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + words + text[stop:]
    return text


def _dump(key: str, value: yaml.Node, column: int = 0) -> str:
    if isinstance(value, yaml.MappingNode) and value.value:  # an entry a line, so that each can have its comment
        value = yaml.MappingNode(value.tag, value.value, flow_style=False)
    entry = (yaml.ScalarNode(_STR, key), value)
    lines = yaml.serialize(
        yaml.MappingNode(_MAP, [entry], flow_style=False), Dumper=yaml.SafeDumper, allow_unicode=True, width=10_000
    )
    return str(lines).rstrip("\n").replace("\n", "\n" + " " * column)


def _plain(node: yaml.Node | None) -> object:
    """A value as its words."""
    if isinstance(node, yaml.MappingNode):
        return {str(name.value): _plain(value) for name, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return None if node is None or node.tag == _NULL else str(node.value)


def _prove(before: str, after: str, key: str, value: yaml.Node) -> None:
    """Raise unless exactly ``key`` has changed."""
    wanted = {**{str(name.value): _plain(old) for name, old in _top(before).value}, key: _plain(value)}
    if _plain(_top(after)) != wanted:
        raise CannotEdit(f"{key} is written in a way that only a hand can change")
