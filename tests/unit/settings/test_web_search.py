"""``web.yaml``: safe search, and whom to ask."""

import pytest

from appliance.policy.account import Account, Role
from appliance.policy.safe_search import Enforced, safe_search
from appliance.settings.check import check
from appliance.settings.load import load
from appliance.settings.web_search import search_rules

STRICT = {Enforced.SEARCH, Enforced.YOUTUBE_STRICT}


def enforced(folder, role, *groups):
    settings = load(folder)
    rules = search_rules(settings.web.safe_search, settings.sources.__getitem__)
    found = safe_search(rules, Account("x", 1, role, groups=groups))
    return found.enforced, found.source


def test_by_default_pupils_search_safely_and_nobody_else(tmp_path):
    found, source = enforced(tmp_path, Role.PUPIL)
    assert found == STRICT
    assert source.startswith("web.yaml")
    assert [enforced(tmp_path, role)[0] for role in set(Role) - {Role.PUPIL}] == [frozenset()] * 4
    assert load(tmp_path).web.ask is None


def test_the_first_rule_that_fits_counts(tmp_path):
    lines = [
        "ask: Frau Meier, Raum 101",
        "safe_search:",
        "- {roles: [teacher], search: false, youtube: off}",
        "- {groups: [klasse10a], youtube: moderate}",
        "- {}",
    ]
    (tmp_path / "web.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert not check(tmp_path)
    assert load(tmp_path).web.ask == "Frau Meier, Raum 101"
    assert enforced(tmp_path, Role.TEACHER, "klasse10a") == (frozenset(), "web.yaml:3 safe_search[0]")
    tenth, source = enforced(tmp_path, Role.PUPIL, "klasse10a")
    assert (tenth, source) == ({Enforced.SEARCH, Enforced.YOUTUBE_MODERATE}, "web.yaml:4 safe_search[1]")
    assert enforced(tmp_path, Role.OFFICE) == (STRICT, "web.yaml:5 safe_search[2]")


def test_nobody_may_be_named(tmp_path):
    (tmp_path / "web.yaml").write_text("safe_search: []\n", encoding="utf-8")
    assert enforced(tmp_path, Role.PUPIL) == (frozenset(), "default")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("safe_search: [{youtube: some}]", "one of off, moderate, strict"),
        ("safe_search: [{role: [pupil]}]", "roles"),
        ("safe_search: [{search: strict}]", "true or false"),
        ("ask: ''", "a text"),
    ],
)
def test_what_does_not_work_is_said(tmp_path, line, problem):
    (tmp_path / "web.yaml").write_text(f"{line}\n", encoding="utf-8")
    (found,) = [str(one) for one in check(tmp_path)]
    assert problem in found and found.startswith("web.yaml:")
