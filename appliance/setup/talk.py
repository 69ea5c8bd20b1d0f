"""From words typed at a terminal to answers. Pure: what is shown and read is the command's business.

Lists are typed with commas, rooms as ``12 = 10.1.12.0/24 10.1.13.0/24, library = 10.1.20.0/25``, nothing as ``none``.
"""

from __future__ import annotations

import yaml

from appliance.daemon.options_collections import ListOf, MappingOf, Maybe
from appliance.daemon.options_reading import WRONG, Reading, Source
from appliance.setup.questions import Answer, Question

_TAG = "tag:yaml.org,2002:"
_NONE = frozenset({"none", "-", "null"})
_ROOMS = "12 = 10.1.12.0/24 10.1.13.0/24, library = 10.1.20.0/25"


def typed(question: Question, words: str) -> Answer | str:
    """Give the answer that ``words`` are, or what is wrong with them and what is allowed."""
    if isinstance(question.option.kind, MappingOf) and (odd := _without_value(words)):
        return f"found {odd!r}; allowed: name = value, such as {_ROOMS}"
    written = yaml.serialize(_node(question, words.strip()), Dumper=yaml.SafeDumper, allow_unicode=True, width=10_000)
    node, reading = yaml.compose(written, Loader=yaml.SafeLoader), Reading()
    value = question.option.kind.read(node, Source("", None, question.key), reading)
    if value is not WRONG:
        return Answer(node, value)
    lines = []
    for problem in reading.problems:
        near = f" - did you mean {problem.nearest}?" if problem.nearest else ""
        lines.append(f"found {problem.found}; allowed: {problem.allowed}{near}")
    return "\n".join(lines)


def example(question: Question) -> str:
    """Give the question's example as it would be typed."""
    dumped = yaml.safe_dump(question.option.example, allow_unicode=True, sort_keys=False, width=10_000)
    return words(question, yaml.compose(dumped, Loader=yaml.SafeLoader))


def words(question: Question, node: yaml.Node) -> str:
    """Give an answer as it would be typed."""
    if isinstance(node, yaml.MappingNode):
        rooms = (f"{name.value} = {' '.join(str(one.value) for one in value.value)}" for name, value in node.value)
        return ", ".join(rooms) or "none"
    if isinstance(node, yaml.SequenceNode):
        return ", ".join(str(one.value) for one in node.value) or "none"
    empty = node.tag == f"{_TAG}null" or (isinstance(question.option.kind, Maybe) and not node.value)
    return "none" if empty else str(node.value)


def _without_value(text: str) -> str:
    """The first entry that is no ``name = value``; empty: there is none."""
    entries = () if text.strip().casefold() in _NONE else text.split(",")
    pairs = ((one, one.partition("=")) for one in entries if one.strip())
    return next((one.strip() for one, (name, _, value) in pairs if not (name.strip() and value.strip())), "")


def _node(question: Question, text: str) -> yaml.Node:
    kind = question.option.kind
    none = text.casefold() in _NONE
    if isinstance(kind, ListOf):
        return _list([] if none else [one.strip() for one in text.split(",") if one.strip()])
    if isinstance(kind, MappingOf):
        entries = [] if none else [one.partition("=") for one in text.split(",") if one.strip()]
        pairs = [(yaml.ScalarNode(f"{_TAG}str", name.strip()), _list(value.split())) for name, _, value in entries]
        return yaml.MappingNode(f"{_TAG}map", pairs, flow_style=False)
    if isinstance(kind, Maybe) and none:
        return yaml.ScalarNode(f"{_TAG}null", "null")
    return _scalar(text)


def _list(items: list[str]) -> yaml.Node:
    return yaml.SequenceNode(f"{_TAG}seq", [_scalar(item) for item in items], flow_style=True)


def _scalar(text: str) -> yaml.Node:
    """A single value; a number stays one, all else is text."""
    number = text.isascii() and text.isdigit()
    return yaml.ScalarNode(f"{_TAG}int" if number else f"{_TAG}str", text)
