"""What pupils, teachers and parents read exists in German too."""

import ast
from pathlib import Path

import pytest

from appliance.policy.passwords import Problem

ROOT = Path(__file__).resolve().parents[2] / "appliance"
CATALOG = (ROOT / "locale" / "de" / "LC_MESSAGES" / "schoolserver.po").read_text(encoding="utf-8")


def translated(text: str) -> bool:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'msgid "{quoted}"\nmsgstr "' in CATALOG and f'msgid "{quoted}"\nmsgstr ""' not in CATALOG


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
def test_what_is_wrong_with_a_password(problem: Problem) -> None:
    assert translated(problem.message)


def test_each_text_of_the_passwd_command() -> None:
    tree = ast.parse((ROOT / "cli" / "passwd.py").read_text(encoding="utf-8"))
    texts = [
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_"
        if isinstance(call.args[0], ast.Constant)
    ]
    assert len(texts) >= 7
    assert not [text for text in texts if not translated(text)]
