"""What setup would change: found and answered things in, a plan out. Pure: nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import wrap

import yaml

from appliance.setup import edit
from appliance.setup.questions import QUESTIONS, Answer, Answers, Question, answer_in, default


class Wrong(Exception):
    """The answers, or what is there, do not allow it; ``problems`` holds all of it, a sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would become different: ``what``, how it is and how it would be (both may be empty)."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        arrow = f"{self.before} -> {self.after}" if self.before else self.after
        return f"{self.what}: {arrow}" if arrow else self.what


@dataclass(frozen=True, slots=True)
class Wishes:
    """The settings files as they shall be, what changes in them, and what to know about it.

    ``texts``: name -> text of each file that changes. ``answers``: all that was ever answered, to be remembered.
    """

    texts: Mapping[str, str]
    changes: tuple[Change, ...]
    answers: Answers
    notes: tuple[str, ...]


def found_answers(texts: Mapping[str, str]) -> dict[str, Answer]:
    """Give what the settings files (name -> text) say already; what they do not say, or say wrongly, is left out."""
    found = {}
    for question in QUESTIONS:
        text = texts.get(f"{question.file}.yaml")
        if text is None:
            continue
        try:
            node = edit.find(text, question.setting)
        except edit.CannotEdit:
            continue
        answer = None if node is None else answer_in(question, node)
        if answer is not None:
            found[question.key] = answer
    return found


def wishes(texts: Mapping[str, str], given: Answers, last: Answers, explained: str) -> Wishes:
    """Decide what each settings file shall say.

    ``given`` was answered now, ``last`` at the last setup: what a hand has changed since and the answers have not,
    stays. ``explained`` is where the default files are. Raises :class:`Wrong`.
    """
    present = found_answers(texts)
    chosen, notes = _chosen(given, last, present)
    missing = [question.key for question in QUESTIONS if question.must and question.key not in chosen]
    if missing:
        raise Wrong(f"{key}: nothing is answered; allowed: {_question(key).option.kind.allowed}" for key in missing)
    made: dict[str, str] = {}
    changes = []
    for question in QUESTIONS:
        answer, former = chosen.get(question.key), present.get(question.key)
        if not question.file or answer is None or (former is not None and former.value == answer.value):
            continue
        if former is None and not question.must and answer.value == default(question).value:
            continue
        name = f"{question.file}.yaml"
        text = made.get(name, texts.get(name, _heading(name, explained)))
        try:
            made[name] = edit.set_value(text, question.setting, answer.node, "\n".join(wrap(question.option.help, 98)))
        except edit.CannotEdit as error:
            raise Wrong([f"{name} cannot be changed, for {error}; set {question.setting} there by hand"]) from error
        before = shown(former.node) if former is not None else ""
        changes.append(Change(f"{name}: {question.setting}", before, shown(answer.node)))
    return Wishes(made, tuple(changes), {**last, **given}, tuple(notes))


def shown(node: yaml.Node) -> str:
    """A value in one line, for the carer."""
    if isinstance(node, yaml.MappingNode):
        return ", ".join(f"{name.value}: {shown(value)}" for name, value in node.value) or "none"
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(shown(value) for value in node.value) + "]" if node.value else "none"
    return str(node.value) if node.value not in {"", "null", "~"} else "none"


def _chosen(given: Answers, last: Answers, present: Answers) -> tuple[dict[str, Answer], list[str]]:
    chosen: dict[str, Answer] = {**present, **given}
    notes = []
    for key, answer in given.items():
        now = present.get(key)
        if now is None or key not in last or now.value == answer.value:
            continue
        if last[key].value == answer.value:
            chosen[key] = now
            question = _question(key)
            notes.append(
                f"{question.file}.yaml: {question.setting} stays {shown(now.node)}, as somebody wrote there since the"
                f" last setup; the answer is still {shown(answer.node)}"
            )
    return chosen, notes


def _question(key: str) -> Question:
    return next(question for question in QUESTIONS if question.key == key)


def _heading(name: str, explained: str) -> str:
    return f"# Written by schoolserver setup; yours to change. {explained}/{name} explains every option.\n"
