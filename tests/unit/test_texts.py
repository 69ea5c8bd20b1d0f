"""What pupils, teachers and parents read exists in German too."""

import ast
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from appliance.backup import drill_report
from appliance.daemon.texts import LANGUAGES, translator
from appliance.fileshare.replies import Notice as FtpNotice
from appliance.policy.passwords import Problem
from appliance.supervisor import cut_uploads_text, quota_warnings_text

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


@pytest.mark.parametrize("words", [cut_uploads_text, quota_warnings_text], ids=["cut uploads", "quota"])
def test_each_text_of_the_mails_to_people(words: ModuleType) -> None:
    texts = [text for name, text in vars(words).items() if name.isupper() and isinstance(text, str)]
    assert len(texts) >= 4
    assert not [text for text in texts if not translated(text)]


def test_each_text_of_the_report_about_the_backup() -> None:
    found = [value for name, value in vars(drill_report).items() if name.startswith("_") and name.isupper()]
    texts = {text for one in found for text in (one.values() if isinstance(one, Mapping) else [one])}
    assert len(texts) >= 40
    assert not [text for text in texts if isinstance(text, str) and not translated(text)]


@pytest.mark.parametrize(
    "which", [one for one in FtpNotice if one is not FtpNotice.BUFFER_SIZE], ids=lambda one: one.name
)
def test_each_reply_of_ftp(which: FtpNotice) -> None:
    assert translated(which.value)
    assert which.value[:4] == translator("de")(which.value)[:4] == translator("en")(which.value)[:4]
    assert [translator(one)(which.value) == which.value for one in LANGUAGES] == [one == "en" for one in LANGUAGES]
