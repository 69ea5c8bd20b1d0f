"""Status says when a scanner is away, and when clamd takes less than the school's largest message."""

from __future__ import annotations

import getpass
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.daemon.options_network import NETWORK
from appliance.daemon.scanner import clamd_problem
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.settings.load import load
from appliance.settings.mail_outside import OutsideMail
from appliance.supervisor.scanners import Scanning, largest_message
from tests.integration.mail.outside.scanners import missing, running_clamd, running_filter
from tests.integration.support_parts import short_folder

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")
SMALL = LimitTable(Limits(300_000, 300_000), message_overhead=10_000)
"""Of which clamd, with its StreamMaxLength of 1 MiB, takes the largest message."""


def settings(**changes: Any) -> OutsideMail:
    with tempfile.TemporaryDirectory() as empty:
        return replace(load(Path(empty)).mail.outside, relays=(NETWORK.parse("192.0.2.25"),), **changes)


def row(asked: Scanning) -> tuple[bool, str] | None:
    asked.work()
    found = asked.check()
    return None if found is None else (found["ok"], found["text"])


def test_a_scanner_that_goes_away_and_comes_back() -> None:
    with short_folder() as (folder, _stack):
        now = [settings(clamd=folder / "clamd.sock", milter=folder / "filter.sock")]
        asked = Scanning(lambda: now[0], lambda: SMALL)
        ok, text = row(asked) or (True, "")
        assert not ok and text.startswith(
            "mail from outside waits: clamd cannot be reached (No such file or directory)"
        )
        assert "; the milter cannot be reached" in text
        with running_clamd(folder, getpass.getuser()), running_filter(folder):
            assert row(asked) == (True, "they answer")
            assert row(asked) == (True, "they answer"), "asked whether it is there, too"
        assert row(asked)[0] is False
        now[0] = replace(now[0], scan_all=True)
        assert row(asked)[1].startswith("mail waits: clamd")


def test_a_clamd_that_takes_too_little_is_told_what_it_needs() -> None:
    with short_folder() as (folder, _stack), running_clamd(folder, getpass.getuser()) as clamd:
        limits = [SMALL]
        asked = Scanning(lambda: settings(clamd=clamd), lambda: limits[0])
        assert row(asked) == (True, "they answer")
        limits[0] = LimitTable()
        ok, text = row(asked) or (True, "")
        assert not ok and "takes no message of 27.6 MB" in text and "StreamMaxLength 27M in clamd.conf" in text
        limits[0] = SMALL
        assert row(asked) == (True, "they answer")
        most = 2**20 - 64 * 1024
        assert clamd_problem(clamd, most, 20) is None and clamd_problem(clamd, most + 1, 20) is not None


def test_nothing_is_asked_where_nothing_is_looked_through(tmp_path: Path) -> None:
    away = settings(clamd=tmp_path / "nobody")
    assert row(Scanning(lambda: replace(away, relays=()), lambda: SMALL)) is None
    assert row(Scanning(settings, lambda: SMALL)) is None
    assert row(Scanning(lambda: away, lambda: None)) is None, "limits are not known yet, or there is no mail"
    assert largest_message(LimitTable()) > 27_000_000, "of a file of 20 MB, in letters"
