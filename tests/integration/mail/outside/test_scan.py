"""Messages are looked through by real scanners; one that is away lets nothing pass (K13)."""

import asyncio
import getpass
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.mail.outside.scan import Scanned, Scanners, Verdict
from appliance.settings.load import load
from appliance.settings.mail_outside import OutsideMail
from tests.integration.mail.outside.scanners import HARMFUL, missing, running_clamd, running_filter
from tests.integration.support_parts import short_folder

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")
ABOUT = Scanned("mama@home.example", ("frida.lehrer@schule.example",), "3f9c", "127.0.30.9")


def settings(**scanners: Any) -> OutsideMail:
    """The default ones, and ``scanners``."""
    with tempfile.TemporaryDirectory() as empty:
        return replace(load(Path(empty)).mail.outside, **scanners)


def look(scanners: OutsideMail, message: bytes) -> Verdict:
    """Look through ``message``, which lies in a file behind a line that is not to be looked at."""
    with tempfile.TemporaryFile() as file:
        before = HARMFUL + b"\r\n"
        file.write(before + message)
        file.flush()
        found = Scanners(scanners, "schule.example")
        try:
            return asyncio.run(found.scan(file.fileno(), len(before), len(message), ABOUT))
        finally:
            found.close()


@pytest.fixture(scope="module")
def clamd() -> Iterator[Path]:
    with short_folder() as (folder, _stack), running_clamd(folder, getpass.getuser()) as path:
        yield path


@pytest.fixture(scope="module")
def milter() -> Iterator[Path]:
    with short_folder() as (folder, _stack), running_filter(folder) as path:
        yield path


def test_clamd_finds_what_is_harmful_and_nothing_else(clamd: Path) -> None:
    assert look(settings(clamd=clamd), b"Subject: x\r\n\r\nHallo\r\n") is Verdict.CLEAN
    assert look(settings(clamd=clamd), b"Subject: x\r\n\r\n" + HARMFUL + b"\r\n") is Verdict.FOUND


def test_what_is_larger_than_clamd_takes_does_not_pass(clamd: Path) -> None:
    assert look(settings(clamd=clamd), b"Subject: x\r\n\r\n" + b"y" * 3_000_000) is Verdict.AWAY


def test_a_scanner_that_is_away_lets_nothing_pass(clamd: Path, tmp_path: Path) -> None:
    assert look(settings(clamd=tmp_path / "nobody"), b"Subject: x\r\n\r\n") is Verdict.AWAY
    assert look(settings(clamd=clamd, milter=tmp_path / "nobody"), b"Subject: x\r\n\r\n") is Verdict.AWAY


@pytest.mark.parametrize(
    ("subject", "verdict"),
    [
        ("hello", Verdict.CLEAN),
        ("accept", Verdict.CLEAN),
        ("reject", Verdict.FOUND),
        ("answer", Verdict.FOUND),
        ("discard", Verdict.FOUND),
        ("later", Verdict.AWAY),
    ],
)
def test_a_filter_says_what_becomes_of_a_message(milter: Path, subject: str, verdict: Verdict) -> None:
    assert look(settings(milter=milter), f"Subject: {subject}\r\n\r\nHallo\r\n".encode()) is verdict


@pytest.mark.parametrize("without", ["", "body", "connect", "headers"])
def test_what_a_filter_hears(without: str) -> None:
    with short_folder() as (folder, _stack), running_filter(folder, without) as path:
        body = b"0123456789abcd\r\n" * 10_000
        assert look(settings(milter=path), b"Subject: x\r\n\r\n" + body) is Verdict.CLEAN
        heard = (folder / "heard").read_text().splitlines()
    length = 0 if without == "body" else len(body)
    assert heard[-3:] == [
        "from <mama@home.example> 3f9c",
        "to <frida.lehrer@schule.example>",
        f"end {'' if without == 'headers' else 'x'} {length}",
    ]
    assert without == "connect" or heard[0] == "connect [127.0.30.9] ('127.0.30.9', 0)"


def test_both_must_find_nothing(clamd: Path, milter: Path) -> None:
    both = settings(clamd=clamd, milter=milter)
    assert look(both, b"Subject: hello\r\n\r\n") is Verdict.CLEAN
    assert look(both, b"Subject: reject\r\n\r\n") is Verdict.FOUND
    assert look(both, b"Subject: hello\r\n\r\n" + HARMFUL) is Verdict.FOUND


def test_only_mail_from_outside_unless_all_is_wanted(tmp_path: Path) -> None:
    nobody, clamd = settings(), settings(clamd=tmp_path)
    every = settings(milter=tmp_path, scan_all=True)
    wanted = [Scanners(each, "schule.example").wanted(outside) for each in (nobody, clamd, every) for outside in (1, 0)]
    assert wanted == [False, False, True, False, True, True]
