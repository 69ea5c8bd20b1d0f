"""What the carer reads: names and texts of parts, on lines of bounded length."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.supervisor.alerts_rule import Patience, Trouble
from appliance.supervisor.alerts_text import banner, not_well, noted, reds

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
PATIENCE = Patience(timedelta(minutes=10), timedelta(days=1))


def test_units_probes_and_checks_have_names_of_their_own():
    row = {"name": "directory", "ok": False, "text": "away", "state": "pausing", "status": "exit 1"}
    well = {**row, "name": "mail", "ok": True}
    status = {"units": [row, well], "probes": [row, well], "checks": [row, well, {**row, "name": "alerts"}]}
    assert reds(status) == {"unit directory": "pausing exit 1", "probe directory": "away", "directory": "away"}


def test_a_text_stays_on_its_line():
    letter = not_well("schule.example", {"a": "x\r\nBcc: y\x1b[2J" + "z" * 1000}, {"a": Trouble(NOW)}, NOW, PATIENCE)
    line = letter.text.splitlines()[2]
    assert line.startswith("  a, for 0 s: x Bcc: y [2Jzzz")
    assert len(line) < 250
    assert "\n" not in noted("schule.example", "a\nb").subject


def test_many_names_do_not_make_an_endless_subject():
    red = {f"probe number {number}": "" for number in range(100)}
    letter = not_well("schule.example", red, {name: Trouble(NOW) for name in red}, NOW, PATIENCE)
    assert len(letter.subject) < 200
    assert letter.subject.endswith(" and more")
    assert "probe number 99" in letter.text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(61, "61 s"), (180, "3 min"), (3600, "1 h"), (7200, "2 h"), (86400, "1 day"), (200000, "2 days")],
)
def test_spans(seconds, text):
    since = NOW - timedelta(seconds=seconds)
    assert f" NOT WELL for {text}: a. " in banner({"a": ""}, {"a": Trouble(since)}, NOW, None)
