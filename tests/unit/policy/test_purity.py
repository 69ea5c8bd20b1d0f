"""The policy is pure: it imports none of ours but itself, and nothing that has a socket, a file, a clock or chance."""

import ast
from pathlib import Path

import pytest

import appliance.policy

MODULES = sorted(Path(next(iter(appliance.policy.__path__))).glob("*.py"))
ALLOWED = {
    "__future__",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "hashlib",
    "ipaddress",
    "json",
    "re",
    "types",
    "typing",
    "unicodedata",
    "zoneinfo",
}
CLOCKS_AND_FILES = {"now", "today", "utcnow", "fromtimestamp", "open", "input", "print", "exec", "eval", "__import__"}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say where they come from"
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_only_what_is_pure(path):
    foreign = {
        name
        for name in imported(ast.parse(path.read_text("utf-8")))
        if name not in ALLOWED and name != "appliance.policy" and not name.startswith("appliance.policy.")
    }
    assert not foreign


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_asks_no_clock_and_opens_no_file(path):
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    called = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert not called & CLOCKS_AND_FILES


def test_there_are_modules_to_look_at():
    assert {"rules", "schedule", "snapshot"} <= {path.stem for path in MODULES}
