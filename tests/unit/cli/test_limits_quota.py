"""Limits and quota on the command line: what is asked for, what the carer reads."""

import importlib

import pytest
from click.testing import CliRunner

from appliance.cli.limits import limits
from appliance.cli.quota import quota

FRED = "fred.mustermann"


@pytest.fixture
def run(monkeypatch):
    """Run a command against given answers; the questions and the output."""

    def running(command, answers, *argv):
        asked = []

        def call(verb, arguments, title=""):
            asked.append((verb, {name: value for name, value in arguments.items() if value is not None}))
            return answers

        monkeypatch.setattr(importlib.import_module(f"appliance.cli.{command.name}"), "call", call)
        done = CliRunner().invoke(command, argv)
        assert done.exit_code == 0, done.output
        return asked, done.output

    return running


def test_allow_passes_on_all(run):
    given = {"target": FRED, "size": "500MB", "until": "2026-12-18", "reason": "film"}
    argv = ("allow", FRED, "--size", "500MB", "--until", "2026-12-18", "--reason", "film")
    asked, output = run(limits, {"login": FRED, "size": 500_000_000}, *argv)
    assert asked == [("limits.allow", given)]
    assert output == "fred.mustermann may transfer up to 500 MB until 2026-12-18.\n"


def test_revoke(run):
    asked, _ = run(limits, {}, "revoke", "klasse3a")
    assert asked == [("limits.revoke", {"target": "klasse3a"})]


EXEMPTION = {
    "login": None,
    "group": "klasse3a",
    "size": 10**8,
    "until": "2026-12-19 00:00",
    "by": "head",
    "reason": "f",
}


def test_show_all(run):
    line = {"whom": "everyone", "upload": 20_000_000, "download": None, "source": "access.yaml limits.default"}
    _, output = run(limits, {"limits": [line], "exemptions": [EXEMPTION]}, "show")
    assert "everyone  20 MB   -         access.yaml limits.default" in output
    assert "Exemption: group klasse3a, up to 100 MB until 2026-12-19 00:00, by head: f" in output


def test_show_somebody(run):
    service = {"service": "web", "upload": 10**8, "download": 1, "upload_source": "here", "download_source": "there"}
    asked, output = run(limits, {"services": [service], "exemptions": []}, "show", FRED, "--room", "12")
    assert asked == [("limits.show", {"target": FRED, "room": "12"})]
    assert "web      100 MB  here  1 B       there" in output


def test_show_says_which_downloads_are_not_limited(run):
    web = {"service": "web", "upload": 10**8, "download": 1, "upload_source": "here", "download_source": "there"}
    files = {**web, "service": "files", "download_unlimited_over": "SMB"}
    _, output = run(limits, {"services": [web, files], "exemptions": []}, "show", FRED)
    assert [line.split()[4:] for line in output.splitlines()[1:]] == [
        ["1", "B", "there"],
        ["1", "B", "(not", "over", "SMB)", "there"],
    ]


USED = {
    "login": FRED,
    "quota": 10**9,
    "used": 3 * 10**8,
    "mail": 10**8,
    "files": 2 * 10**8,
    "left": 7 * 10**8,
    "source": "quota.yaml:3 roles.pupil",
    "until": None,
    "by": None,
    "reason": None,
    "counted": True,
}


def test_quota_show(run):
    _, output = run(quota, USED, "show", FRED)
    assert output.splitlines() == [
        "Used:   300.0 MB (mail 100.0 MB, files 200.0 MB)",
        "Quota:  1,000.0 MB",
        "Left:   700.0 MB",
        "Set by: quota.yaml:3 roles.pupil",
    ]
    extended = {**USED, "quota": 0, "left": None, "by": "carer", "reason": "club", "counted": False}
    _, output = run(quota, extended, "show", FRED)
    assert "Quota:  none" in output
    assert "Set by: carer, until further notice: club" in output
    assert "not been counted" in output


def test_quota_set_and_reset(run):
    asked, output = run(quota, {"login": FRED, "quota": 2 * 10**9}, "set", FRED, "--size", "2GB", "--reason", "club")
    assert asked == [("quota.set", {"login": FRED, "size": "2GB", "reason": "club"})]
    assert output == "fred.mustermann has 2,000.0 MB (until it is set anew).\n"
    asked, output = run(quota, {"login": FRED, "quota": 0}, "reset", FRED, "--reason", "over")
    assert asked == [("quota.reset", {"login": FRED, "reason": "over"})]
    assert "without bound again" in output


def test_quota_count(run):
    asked, output = run(
        quota, {"accounts": 60, "corrected": 2, "unsettled": 1, "deep": ["homes/fred.mustermann"]}, "count"
    )
    assert asked == [("usage.reconcile", {})]
    assert output.startswith("60 accounts counted, 2 corrected.\n1 were written")
    assert "homes/fred.mustermann has folders so deep" in output
