"""For whom search is made safe: the first rule that is about somebody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.access import Who
from appliance.policy.account import Account, Role
from appliance.policy.safe_search import NOT_NAMED, Enforced, SearchRule, safe_search

STRICT = frozenset({Enforced.SEARCH, Enforced.YOUTUBE_STRICT})
MODERATE = frozenset({Enforced.SEARCH, Enforced.YOUTUBE_MODERATE})
TENTH = SearchRule("one", Who(groups=frozenset({"klasse10a"})), MODERATE)
PUPILS = SearchRule("two", Who(roles=frozenset({Role.PUPIL})), STRICT)
NOBODY = SearchRule("three", Who(), frozenset())


@pytest.mark.parametrize(
    ("account", "rule"),
    [
        (Account("anna", 1, Role.PUPIL, groups=("klasse10a",)), TENTH),
        (Account("fred", 2, Role.PUPIL, groups=("klasse3a",)), PUPILS),
        (Account("maria", 3, Role.TEACHER), NOT_NAMED),
    ],
)
def test_the_first_rule_that_is_about_somebody_counts(account, rule):
    assert safe_search([TENTH, PUPILS], account) is rule


def test_an_address_without_owner_has_all_of_them_and_the_strictest():
    found = safe_search([TENTH, NOBODY, PUPILS], None)
    assert (found.enforced, found.source) == (STRICT, "one, two")
    assert safe_search([TENTH], None).enforced == MODERATE
    assert safe_search([NOBODY], None).source == safe_search([], None).source == "default"


@given(st.lists(st.frozensets(st.sampled_from(Enforced)), max_size=4))
def test_who_has_no_owner_is_never_better_off(wanted):
    rules = [SearchRule(str(one), Who(roles=frozenset({role})), one) for role, one in zip(Role, wanted, strict=False)]
    together = safe_search(rules, None).enforced
    for role in Role:
        own = safe_search(rules, Account("x", 1, role)).enforced
        assert own - together <= {Enforced.YOUTUBE_MODERATE}
        assert Enforced.YOUTUBE_MODERATE not in own or together & {Enforced.YOUTUBE_MODERATE, Enforced.YOUTUBE_STRICT}
