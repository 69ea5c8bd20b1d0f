"""A server that answers what the test says, at the seam ``appliance.cli.server.call``: no socket, no process."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from appliance.cli.main import main

_NOUNS = (
    "backup_forget",
    "devices",
    "explain",
    "folders",
    "passwd",
    "reload",
    "restore",
    "status",
    "users",
    "users_import",
    "users_passwords",
    "web_lessons",
    "why",
)


class Server:
    """Answers verbs from ``answers`` (verb -> result, or function of the arguments); remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, verb: str, arguments: Mapping[str, Any], title: str = "") -> dict[str, Any]:
        self.asked.append((verb, {name: value for name, value in arguments.items() if value is not None}))
        answer = self.answers[verb]
        answer = answer(arguments) if callable(answer) else answer
        if isinstance(answer, click.ClickException):
            raise answer
        return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    for noun in _NOUNS:
        monkeypatch.setattr(importlib.import_module(f"appliance.cli.{noun}"), "call", made.call)
    return made


@pytest.fixture
def schoolserver() -> Callable[..., Result]:
    def run(*argv: str, **options: Any) -> Result:
        return CliRunner().invoke(main, argv, **options)

    return run
