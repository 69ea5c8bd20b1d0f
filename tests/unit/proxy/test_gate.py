"""What the gate tells the policy of the lists, and what it remembers."""

from dataclasses import replace

import pytest

from appliance.filter.index import Index
from appliance.policy.access import Who
from appliance.policy.account import Role
from appliance.policy.decision import Reason
from appliance.policy.request import Action
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules
from appliance.proxy.session import WebSession, admit
from appliance.proxy.target import Where
from appliance.session.obstacle import Obstacle

from .gate_school import LISTS, School

PUPILS = Who(roles=frozenset({Role.PUPIL}))


class Pages:
    """Lists that know pages, too, and how often they were asked."""

    def __init__(self):
        self.asked = 0

    def of(self, host):
        self.asked += 1
        return LISTS.of(host)

    def of_url(self, host, path):
        return self.of(host) | ({"games"} if path.startswith("/spiele") else set())

    def by_path(self, _host):
        return True


@pytest.fixture
def school():
    return School()


def web(school, *rules):
    school.snapshot = replace(school.snapshot, web=WebRules(rules))


@pytest.mark.parametrize(
    ("host", "categories"),
    [
        ("www.spiele.example", {"games"}),
        ("example.org", {"unlisted"}),
        ("93.184.215.14", {"address"}),
        ("1572395022", {"address"}),
        ("10.1.0.8", {"unlisted"}),
    ],
)
def test_what_is_on_no_list_and_what_has_no_name_are_said(school, host, categories):
    for tunnel in (False, True):
        assert school.gate.listed(school.wish(host, 443, tunnel=tunnel)) == categories


def test_what_somebody_named_by_hand_is_no_bare_address(school):
    school.renew(exceptions=frozenset({Where("93.184.215.14", 443)}))
    assert school.gate.listed(school.wish("93.184.215.14", 443)) == {"unlisted"}
    assert school.gate.listed(school.wish("93.184.215.14", 80)) == {"address"}
    assert school.gate.listed(replace(school.wish("93.184.215.15", 443), unnamed=True)) == {"unlisted"}


def test_a_page_on_a_list_is_closed_and_others_of_the_site_are_open(school):
    school.renew(Pages())
    wish = school.wish()
    for _ in range(2):
        assert school.gate.judge(wish, "/spiele/1") == Obstacle(Reason.CLOSED_CATEGORY, "CODE")
        assert not isinstance(school.gate.judge(wish, "/"), Obstacle)
        assert not isinstance(school.gate.judge(school.wish(tunnel=True, port=443), "/spiele"), Obstacle)


def test_the_next_page_of_a_site_is_looked_up_before_it_is_part_of_what_is_under_way(school):
    school.renew(Pages())
    session = admit(school.gate, school.wish(), 1000.0, "/")
    assert isinstance(session, WebSession)
    guest, where = session.wish.guest, session.wish.where
    assert session.goes_on(guest, where, "/other", 1001.0)
    assert not session.goes_on(guest, where, "/spiele", 1001.0)
    assert session.goes_on(guest, where, "/", 1001.0)


def test_pages_of_a_site_of_which_the_lists_know_none_are_not_looked_up(school):
    school.renew(pages := Pages())
    session = admit(school.gate, school.wish(), 1000.0, "/")
    pages.by_path = lambda host: host != "example.org"
    assert session.goes_on(session.wish.guest, session.wish.where, "/other", 1001.0)
    before = pages.asked
    assert all(session.goes_on(session.wish.guest, session.wish.where, f"/{n}", 1001.0) for n in range(9))
    assert pages.asked == before
    pages.by_path = lambda _host: True  # as if the lists were others now
    session.recheck()
    assert not session.goes_on(session.wish.guest, session.wish.where, "/spiele", 1001.0)


def test_a_list_that_closes_the_page_ends_it(school):
    session = admit(school.gate, school.wish(), 1000.0, "/")
    assert session.goes_on(session.wish.guest, session.wish.where, "/spiele/2", 1001.0)
    school.renew(Pages())
    session.recheck()
    assert session.ended


def test_what_was_allowed_is_not_looked_up_again(school):
    school.renew(pages := Pages())
    wish = school.wish("example.org", 443, tunnel=True)
    for _ in range(9):
        school.gate.judge(wish)
    assert pages.asked == 1


def test_another_rule_ends_what_is_open(school):
    session = admit(school.gate, school.wish("example.org", 443, tunnel=True), 1000.0)
    web(school, WebRule("web.yaml:3 rules[0]", PUPILS, Verdict.ONLY, targets=frozenset({"example.net"})))
    session.recheck()
    assert session.ended
    assert [reason for reason, _rule in school.refusals] == [Reason.CLOSED_SITE]


def test_rules_count_for_uploads_and_sizes_too(school):
    web(school, WebRule("web.yaml:3 rules[0]", PUPILS, Verdict.BLOCK, frozenset({"unlisted"})))
    assert school.judge(action=Action.WRITE, size=1).why is Reason.CLOSED_CATEGORY
    assert school.gate.weigh(school.wish(), Action.FETCH, 1).why is Reason.CLOSED_CATEGORY


def test_lists_that_are_empty_leave_every_site_unlisted(school):
    school.renew(Index.empty())
    assert school.gate.listed(school.wish("www.spiele.example")) == {"unlisted"}
