"""``proxy.yaml``: the limit of tunnels and the line."""

import pytest

from appliance.settings.check import check
from appliance.settings.load import load


def problems(folder, *lines):
    (folder / "proxy.yaml").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [str(problem) for problem in check(folder)]


def test_by_default_lessons_are_exempt_and_the_line_is_not_shared_out(tmp_path):
    found = load(tmp_path).proxy
    assert found.exempt_lists == ("updates", "learning", "video")
    assert (found.exempt, found.not_exempt, found.tunnel_window) == ((), (), 600.0)
    assert (found.line_rate.down, found.line_rate.up) == (None, None)


def test_values(tmp_path):
    lines = ("exempt: ['*.Films.example']", "not_exempt: [arte.tv]", "line_rate: {down: 100 Mbit/s, up: 40 Mbit/s}")
    assert problems(tmp_path, *lines, "exempt_lists: []", "tunnel_window: 5 min") == []
    found = load(tmp_path).proxy
    assert (found.exempt, found.not_exempt, found.exempt_lists) == (("films.example",), ("arte.tv",), ())
    assert (found.line_rate.down, found.line_rate.up) == (100_000_000, 40_000_000)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("exempt_lists: [games]", "one of updates"),
        ("exempt: ['a b']", "a domain"),
        ("line_rate: {down: 100}", "Mbit/s"),
        ("line_rate: {down: 100 MBit/s}", "100 Mbit/s"),
        ("line_rate: {down: 1 kbit/s}", "from 1 Mbit/s"),
        ("line_rate: 100 Mbit/s", "a mapping"),
        ("tunnel_window: 1 s", "from 10 s"),
        ("{exempt: [a.example, b.example], not_exempt: [b.example]}", "b.example, which is in exempt too"),
    ],
)
def test_what_does_not_work_is_said(tmp_path, line, problem):
    found = problems(tmp_path, line)
    assert len(found) == 1 and problem in found[0], found
    assert found[0].startswith("proxy.yaml:")
