"""What setup asks, as one table: where each answer belongs, its type, default, help and example.

Nearly every answer is a setting, and then all of that comes from the setting's own table. May live here: the questions
and reading answers. May not: what this machine suggests (``proposals``), or what is made of an answer (``plan``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml

from appliance.daemon.options import Option, options_of
from appliance.daemon.options_collections import ListOf, Maybe
from appliance.daemon.options_reading import WRONG, Reading, SettingsError, Source
from appliance.daemon.options_values import PATH, text
from appliance.daemon.options_yaml import describe, entries, read_file
from appliance.settings.files import FILES

_LOGIN = text(r"[a-z_][a-z0-9_-]{0,31}", "a login of this machine")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know: ``key`` in an answer file; ``setting`` of ``file`` (empty: of no settings file).

    ``must``: there is no sensible default, so an answer must be there once. ``only``: it is asked when another question
    (its key) has one of these answers, or any at all where none is named. ``why`` is said to whoever is asked;
    ``better`` than the default for most, so the answer file to copy has it.
    """

    key: str
    file: str
    setting: str
    option: Option
    must: bool = False
    only: tuple[str, frozenset[str]] | None = None
    why: str = ""
    better: str | None = None

    def concerns(self, answers: Answers) -> bool:
        """Whether it has to be asked, by what was answered before."""
        if self.only is None:
            return True
        key, wanted = self.only
        value = answers[key].value if key in answers else None
        return value in wanted if wanted else value is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A value and how it was written, which is how it is written on."""

    node: yaml.Node
    value: Any


Answers = Mapping[str, Answer]


def _of(
    key: str,
    file: str,
    setting: str,
    *,
    must: bool = False,
    only: tuple[str, frozenset[str]] | None = None,
    why: str = "",
    better: str | None = None,
) -> Question:
    row = next(row for row in options_of(FILES[file]) if row.key == setting)
    return Question(key, file, setting, row, must, only, why, better)


_ADMINS = Option(
    "admins",
    ListOf(_LOGIN),
    [],
    "Who of this machine's users may command the server without being root (group schoolserver-admin).",
    example=["anna"],
)
_PASSWORD = Option(
    "directory_password",
    Maybe(PATH),
    None,
    "File with the password of directory_bind. It is copied to where only the server's own parts can read it.",
    example="/root/directory-password",
)
_DOMAIN = ("directory", frozenset({"domain"}))
_OTHERS = ("directory", frozenset({"active-directory", "ldap"}))
_OTHER_NAME = (
    "Whoever is in the domain asks this server for every name in it. Is the school's web site at a provider, under the"
    " school's domain itself? Then take a name below that, such as ad.schule.example: else PCs would look for it here."
)
QUESTIONS = (
    _of("school", "school", "name", must=True),
    _of("domain", "school", "domain", must=True),
    _of("language", "school", "language"),
    _of("zone", "school", "zone"),
    _of("networks", "network", "networks"),
    _of("rooms", "network", "rooms"),
    _of("directory", "directory", "kind", better="domain"),
    _of("domain_name", "domain", "name", only=_DOMAIN, why=_OTHER_NAME),
    _of("workgroup", "domain", "workgroup", only=_DOMAIN),
    _of("dns_forwarders", "domain", "dns_forwarders", only=_DOMAIN),
    _of("directory_uri", "directory", "uri", only=_OTHERS),
    _of("directory_base", "directory", "base", only=_OTHERS),
    _of("directory_bind", "directory", "bind_name", only=_OTHERS),
    Question("directory_password", "", "", _PASSWORD, only=_OTHERS),
    _of("directory_ca", "directory", "ca", only=_OTHERS),
    _of("certificate", "certificates", "certificate"),
    _of("key", "certificates", "key", only=("certificate", frozenset())),
    _of("names", "certificates", "names"),
    _of("backup", "backup", "target"),
    _of("backup_port", "backup", "port", only=("backup", frozenset())),
    Question("admins", "", "", _ADMINS),
)


def read_answers(path: Path) -> dict[str, Answer]:
    """Read an answer file; what it does not name stays as it is. Raises :class:`SettingsError` with every problem."""
    reading = Reading()
    node = read_file(path, reading)
    answers = _read(node, path.name, reading) if node is not None else {}
    if reading.problems:
        raise SettingsError(reading.problems)
    return answers


def answer_in(question: Question, node: yaml.Node) -> Answer | None:
    """Read one node as the answer; ``None`` when it is none."""
    value = question.option.kind.read(node, Source("", None, question.key), Reading())
    return None if value is WRONG else Answer(node, value)


def default(question: Question) -> Answer:
    """What holds without an answer."""
    node = yaml.compose(yaml.safe_dump(question.option.default), Loader=yaml.SafeLoader)
    answer = answer_in(question, node)
    assert answer is not None, question.key  # noqa: S101 - a test reads every default back
    return answer


def example() -> str:
    """An answer file to copy: every question with its help, needed ones with an example, others with their default."""
    head = (
        "Answers for: schoolserver setup --answers FILE. What is left out is kept as it is set, or takes its default."
    )
    return "".join(f"# {line}\n" for line in wrap(head, 98)) + "".join(_block(question) for question in QUESTIONS)


def _block(question: Question) -> str:
    row = question.option
    value = row.example if question.must else question.better or row.default
    kind = f"Type: {row.kind.name}. "
    if question.only is not None and question.only[1]:
        kind += f"Only with {question.only[0]}: {' or '.join(sorted(question.only[1]))}. "
    kind += "Needed." if question.must else f"Example: {_line(row.example)}"
    comment = [*wrap(row.help, 98), *wrap(question.why, 98), *wrap(kind, 98)]
    return "\n" + "".join(f"# {line}\n" for line in comment) + f"{question.key}: {_line(value)}\n"


def _line(value: object) -> str:
    dumped = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _read(node: yaml.Node, file: str, reading: Reading) -> dict[str, Answer]:
    known = {question.key: question for question in QUESTIONS}
    top = Source(file, None, "")
    if not isinstance(node, yaml.MappingNode):
        reading.report(top, describe(node), f"a mapping with the keys {', '.join(known)}")
        return {}
    return dict(_each(node, top, known, reading))


def _each(
    node: yaml.MappingNode, top: Source, known: Mapping[str, Question], reading: Reading
) -> Iterator[tuple[str, Answer]]:
    for key, line, child in entries(node, top, reading):
        place = top.child(key, line)
        if key not in known:
            near = get_close_matches(key.casefold(), known, 1) if len(key) < 60 else []
            reading.report(place, "an unknown key", f"one of {', '.join(known)}", "".join(near))
            continue
        value = known[key].option.kind.read(child, place, reading)
        if value is not WRONG:
            yield key, Answer(child, value)
