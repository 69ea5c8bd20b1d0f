"""A category that is closed to somebody and has no list turns the status red."""

from dataclasses import replace

import pytest

from appliance.policy.account import Role, Service
from appliance.supervisor.web_lists import check_lists
from tests.unit.supervisor.scenery import settings


@pytest.fixture
def school(tmp_path):
    """Gives the row with these lists there; pupils and teachers have closed categories."""
    closed = {Role.PUPIL: ("gambling", "vpn"), Role.TEACHER: ("malware",)}

    def row(*there, content="spiele.example\n", closed=closed, **changes):
        for name in there:
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "domains").write_text(content)
        proxy = replace(settings().proxy, lists=tmp_path, blocked_categories=closed)
        return check_lists(replace(settings(), proxy=proxy, **changes))

    return row


def test_a_fresh_server_has_none_and_says_what_to_do(school, tmp_path):
    row = school()
    assert not row["ok"]
    assert row["text"].startswith(f"nothing is blocked of gambling, malware, vpn: {tmp_path} has no such list; fetch")
    assert "schoolserver reload" in row["text"]


def test_one_of_them_is_not_enough_and_an_empty_one_is_none(school):
    assert "of malware, vpn:" in school("gambling")["text"]
    assert "of malware:" in school("gambling", "vpn")["text"]
    assert not school("malware", content="")["ok"]


def test_all_of_them_are(school):
    assert school("gambling", "vpn", "malware", "other") == {
        "name": "web lists",
        "ok": True,
        "text": "there for all 3 closed categories",
    }


def test_where_nothing_is_closed_or_no_web_is_open_none_is_needed(school):
    assert school(closed={})["ok"]
    access = settings().access
    offline = tuple(rule for rule in access.rules if Service.WEB not in rule.services)
    assert school(access=replace(access, rules=offline))["text"].startswith("not needed")


def test_many_are_not_all_named(school):
    row = school(closed={Role.PUPIL: tuple(f"c{number:02}" for number in range(20))})
    assert "c11 and 8 more:" in row["text"]
    assert "c12" not in row["text"]
