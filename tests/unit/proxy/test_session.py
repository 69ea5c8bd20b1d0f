"""What a guest may do: rules, ports, categories, addresses, limits, and what becomes of open sessions."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.filter.build import build
from appliance.filter.entry import Entry
from appliance.filter.entry import Kind as ListedAs
from appliance.filter.index import Index
from appliance.policy.access import Who
from appliance.policy.account import Lock, Role, Service
from appliance.policy.decision import Allow, Limits, Reason
from appliance.policy.events import Kind
from appliance.policy.limits import LimitTable
from appliance.policy.request import Action
from appliance.policy.safe_search import Enforced, SearchRule
from appliance.policy.web_rules import WebRules
from appliance.proxy.allowance import with_tls
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.session import Outcome, admit
from appliance.proxy.target import Where
from appliance.session.obstacle import Hitch, Obstacle

from .gate_school import CLOSED, FRED, NOW, School, index


@pytest.fixture
def school():
    return School()


def test_what_is_open(school):
    assert school.judge().limits == Limits(100, 200)
    assert isinstance(school.judge(port=443), Allow)
    assert isinstance(school.judge(port=443, tunnel=True), Allow)
    assert school.refusals == []


@pytest.mark.parametrize(("port", "tunnel"), [(80, True), (22, True), (8443, True), (8080, False), (25, False)])
def test_other_ports_are_closed(port, tunnel, school):
    assert school.judge(port=port, tunnel=tunnel) == Obstacle(Reason.CLOSED_PORT, "CODE")
    assert [reason for reason, _rule in school.refusals] == [Reason.CLOSED_PORT]


def test_exceptions_are_named_with_their_port(school):
    for tunnel in (False, True):
        assert isinstance(school.judge("10.1.0.7", 8080, tunnel=tunnel), Allow)
        assert school.gate.judge(school.wish("10.1.0.7", 8080, tunnel=tunnel)).inside
    assert isinstance(school.judge("10.1.0.7", 80), Allow)  # whoever connects will see that it is inside
    assert not school.gate.judge(school.wish("10.1.0.7", 80)).inside


def test_categories(school):
    assert school.judge("www.spiele.example") == Obstacle(Reason.CLOSED_CATEGORY, "CODE")
    assert school.judge("schlecht.example", 443, tunnel=True) == Obstacle(Reason.CLOSED_CATEGORY, "CODE")
    assert {reason for reason, _rule in school.refusals} == {Reason.CLOSED_CATEGORY}
    assert isinstance(school.judge("gut.spiele.example"), Allow)
    assert isinstance(school.judge("www.spiele.example", login="maria"), Allow)
    assert "fred" not in str(school.refusals)
    assert "spiele.example" not in str(school.refusals)


@pytest.mark.parametrize("host", ["93.184.215.14", "2606:2800:21f:cb07::1", "1572395022", "0x5d.1", "93.12047118"])
def test_an_address_is_no_way_round_the_lists(host, school):
    for port, tunnel in ((80, False), (443, True)):
        assert school.judge(host, port, tunnel=tunnel) == Obstacle(Reason.CLOSED_CATEGORY, "CODE")
        assert isinstance(school.judge(host, port, "maria", tunnel), Allow)  # nothing is closed to her
    exceptions = frozenset({Where(host, 443)})
    school.renew(exceptions=exceptions)
    assert isinstance(school.judge(host, 443, tunnel=True), Allow)


@pytest.mark.parametrize("host", ["4chan.example", "x.0xide", "1und1.example"])
def test_names_with_numbers_are_names(host, school):
    assert isinstance(school.judge(host), Allow)


@pytest.mark.parametrize(("port", "tunnel"), [(80, False), (443, True)])
def test_what_is_no_exception_any_more_does_not_go_on_inside(school, port, tunnel):
    place = Where("10.1.0.7", port)
    school.renew(exceptions=frozenset({place}))
    opened = Open(school, host=place.host, port=port, tunnel=tunnel)
    assert opened.session.inside
    opened.session.recheck()
    assert opened.ended == []
    school.renew()
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.INSIDE, "CODE")]
    assert not Open(school, host=place.host, port=port, tunnel=tunnel).session.inside


def test_only_the_probe_reaches_the_machine_itself(school):
    assert isinstance(school.judge("127.0.0.1", 12345, "probe"), Allow)
    assert school.gate.judge(school.wish("127.0.0.1", 12345, "probe")).inside
    assert school.judge("127.0.0.1", 12345, "fred").why is Reason.CLOSED_PORT
    assert school.judge("10.1.0.1", 12345, "probe").why is Reason.CLOSED_PORT


def test_a_name_that_leads_inside(school):
    assert school.gate.inside() == Refused(Cause.INSIDE, "CODE")
    assert [reason for reason, _rule in school.refusals] == [Reason.INSIDE]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"disabled": True}, Reason.DISABLED),
        ({"must_change": True}, Reason.MUST_CHANGE),
        ({"locks": (Lock(Service.WEB, NOW, None),)}, Reason.LOCKED),
    ],
)
def test_the_policy_decides(changes, reason, school):
    school.change(replace(FRED, **changes))
    assert school.judge() == Obstacle(reason, "CODE")


def test_no_snapshot_is_a_temporary_failure(school):
    school.snapshot = None
    assert school.judge() == Obstacle(Hitch.LATER)


def test_sizes(school):
    assert school.judge(action=Action.WRITE, size=101) == Obstacle(Reason.TOO_LARGE, "CODE")
    assert school.gate.too_large(school.wish(), Action.WRITE, 101) == Refused(Cause.UPLOAD_TOO_LARGE, "CODE")
    assert isinstance(school.judge(action=Action.WRITE, size=100), Allow)
    assert school.gate.too_large(school.wish(), Action.FETCH, 201) == Refused(Cause.TOO_LARGE, "CODE")
    assert school.gate.too_large(school.wish(), Action.FETCH, 200) is None


class Open:
    """An open session and its flow, which is told why it ends."""

    def __init__(self, school, **wish):
        self.ended = []
        wish = school.wish(**wish)
        self.session = admit(school.gate, wish, 1000.0)
        self.session.flow = self

    def stop(self, refused):
        self.ended.append(refused)


def test_an_open_session_goes_on_and_learns_its_limits(school):
    opened = Open(school)
    assert opened.session.limits == Limits(100, 200)
    school.snapshot = replace(school.snapshot, limits=LimitTable(Limits(1, 2)))
    assert opened.session.recheck() is None
    assert opened.session.limits == Limits(1, 2)
    assert opened.ended == []


def test_a_lock_ends_an_open_session_once(school):
    opened = Open(school)
    school.change(replace(FRED, locks=(Lock(None, NOW, None),)))
    opened.session.recheck()
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.LOCKED, "CODE")]
    assert [event.kind for event in school.events] == [Kind.SESSION_ENDED]


def test_a_session_in_which_nothing_is_under_way_ends_too(school):
    opened = Open(school)
    opened.session.flow = None
    school.change(replace(FRED, locks=(Lock(None, NOW, None),)))
    opened.session.recheck()
    assert opened.session.ended


def test_a_later_lock_is_told_in_time(school):
    opened = Open(school)
    at = NOW + timedelta(hours=1)
    school.change(replace(FRED, locks=(Lock(None, at, None),)))
    assert opened.session.recheck() == at


def test_a_new_password_ends_it_but_not_the_one_that_was_checked(school):
    opened = Open(school)
    school.change(replace(FRED, password_changed_at=NOW - timedelta(seconds=5)))
    opened.session.recheck()
    assert opened.ended == []
    school.change(replace(FRED, password_changed_at=NOW + timedelta(seconds=5)))
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.PASSWORD_CHANGED)]


def test_a_temporary_failure_and_a_new_list(school):
    opened = Open(school, host="neu.example")
    before, school.snapshot = school.snapshot, None
    assert opened.session.recheck() is None
    assert opened.ended == []
    school.snapshot = before
    school.renew(index({"games": ["neu.example"]}))
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.CATEGORY, "CODE")]


def urls(*texts):
    """An index with these beginnings of addresses among the games."""
    with tempfile.TemporaryDirectory() as folder:
        build((Entry("games", ListedAs.URL, text) for text in texts), Path(folder) / "index")
        return Index.open(Path(folder) / "index")


def test_what_older_lists_said_of_a_path_opens_nothing_after_a_new_rule(school):
    school.renew(urls("example.org/a"))
    opened = admit(school.gate, school.wish(login="maria"), 1000.0, "/a")
    mine = opened.wish
    assert opened.goes_on(mine.guest, mine.where, "/a/x", 1001.0)
    school.renew(urls("example.org/b"))
    opened.recheck()
    school.snapshot = replace(school.snapshot, web=WebRules((replace(CLOSED, who=Who(everyone=True)),)))
    opened.recheck()
    assert not opened.ended
    assert not opened.goes_on(mine.guest, mine.where, "/b", 1002.0)


FOR_PUPILS = (SearchRule("web.yaml safe_search[0]", Who(roles=frozenset({Role.PUPIL})), frozenset({Enforced.SEARCH})),)


def for_pupils(school):
    school.snapshot = replace(school.snapshot, safe_search=FOR_PUPILS)


def test_where_search_is_safe_and_for_whom(school):
    def way(host="suche.example", port=80, **how):
        return school.gate.judge(school.wish(host, port, **how)).way

    assert way(port=443, tunnel=True) == Where("suche.example", 443)
    for_pupils(school)
    assert way(port=443, tunnel=True) == Where("sicher.suche.example", 443)
    assert Open(school, host="suche.example").session.way == Where("sicher.suche.example", 80)
    assert way(login="maria") == Where("suche.example", 80)
    assert way(login="") == Where("sicher.suche.example", 80)
    assert way("www.suche.example") == Where("www.suche.example", 80)


def test_a_connection_from_before_ends_when_safe_search_begins_or_ends(school):
    before, elsewhere = Open(school, host="suche.example"), Open(school, host="anders.example")
    for_pupils(school)
    now = Open(school, host="suche.example")
    for one in (before, elsewhere, now):
        one.session.recheck()
    assert before.ended == [Refused(Cause.SEARCH_CHANGED, "CODE")]
    assert elsewhere.ended == now.ended == []
    school.change(replace(FRED, role=Role.TEACHER))
    for one in (before, elsewhere, now):
        one.session.recheck()
    assert now.ended == [Refused(Cause.SEARCH_CHANGED, "CODE")]
    assert len(before.ended) == 1 and elsewhere.ended == []
    assert [(reason, rule.source) for reason, rule in school.refusals] == [
        (Reason.SEARCH_CHANGED, "web.yaml safe_search[0]"),
        (Reason.SEARCH_CHANGED, "default"),
    ]


def test_requests_to_one_site_are_one_session_for_a_minute(school):
    session = Open(school).session
    mine = session.wish
    assert session.goes_on(mine.guest, mine.where, "/", 1059.9)
    assert not session.goes_on(mine.guest, mine.where, "/", 1060.0)
    assert not session.goes_on(mine.guest, mine.where, "", 1001.0), "a request for a tunnel"
    assert not session.goes_on(mine.guest, Where("example.org", 443), "/", 1001.0)
    anew = replace(mine.guest, password_changed_at=NOW)
    assert not session.goes_on(anew, mine.where, "/", 1001.0), "somebody who signed in with another password"
    assert not Open(school, port=443, tunnel=True).session.goes_on(mine.guest, Where("example.org", 443), "/", 1001.0)
    school.change(replace(FRED, disabled=True))
    session.recheck()
    assert not session.goes_on(mine.guest, mine.where, "/", 1001.0)


def test_a_tunnel_carries_a_file_of_the_limit_each_way_and_not_much_more(school):
    session = Open(school, port=443, tunnel=True).session
    assert session.count_up(with_tls(100), 1001.0)
    assert session.count_down(with_tls(200), 1001.0)
    assert not session.count_up(1, 1002.0)
    assert not session.count_down(1, 1002.0)
    assert (session.up, session.down) == (with_tls(100) + 1, with_tls(200) + 1)
    assert [reason for reason, _rule in school.refusals] == [Reason.TOO_LARGE] * 2


def test_who_has_moved_as_much_as_he_may_is_refused_until_the_window_has_moved_on(school):
    opened = Open(school, port=443, tunnel=True)
    assert not opened.session.count_down(with_tls(200) + 1, 1001.0)
    wish = opened.session.wish
    refused = admit(school.gate, wish, 1002.0)
    assert (refused.why, 500 < refused.retry_after < 700) == (Reason.TOO_LARGE, True)
    assert not isinstance(admit(school.gate, replace(wish, where=Where("example.net", 443)), 1002.0), Obstacle)
    opened.session.over(Outcome.REFUSED)
    assert not isinstance(admit(school.gate, wish, 1700.0), Obstacle)


def test_what_is_counted_is_given_back_once_whatever_became_of_it(school):
    """Also when the limit grew between the decision, which is known, and the count."""
    wish = school.wish(port=443, tunnel=True)
    session = admit(school.gate, wish, 1000.0)
    session.count_down(with_tls(200) + 1, 1001.0)
    session.over(Outcome.REFUSED)
    known = school.gate.judge(wish)
    school.snapshot = replace(school.snapshot, limits=LimitTable(Limits(10**6, 10**6)))
    school.gate.judge = lambda _wish, _path: known
    admit(school.gate, wish, 1002.0).over(Outcome.DONE)
    (meter,) = school.gate.meters
    assert meter._users == 0
    assert meter._owner.used == 0


def test_an_exempt_site_has_no_limit(school):
    session = Open(school, host="frei.example", port=443, tunnel=True).session
    assert session.count_down(10**12, 1001.0)
    assert session.count_up(10**12, 1001.0)


def test_what_is_known_to_be_allowed_ends_with_the_snapshot_the_lists_and_the_time(school):
    assert isinstance(school.judge(), Allow)
    school.renew(index({"games": ["example.org"]}))
    assert school.judge().why is Reason.CLOSED_CATEGORY
    school.renew(Index.empty())
    school.change(replace(FRED, locks=(Lock(None, NOW + timedelta(minutes=1), None),)))
    assert isinstance(school.judge(), Allow)
    school.now += timedelta(minutes=1)
    assert school.judge().why is Reason.LOCKED
    school.change(FRED)
    assert isinstance(school.judge(), Allow)


def test_a_limit_that_grew_meanwhile_counts(school):
    session = Open(school, port=443, tunnel=True).session
    school.snapshot = replace(school.snapshot, limits=LimitTable(Limits(10**6, 10**6)))
    assert session.count_down(with_tls(200) + 1, 1001.0)


@pytest.mark.parametrize(("tunnel", "way"), [(True, "connect"), (False, "http")])
def test_use_is_recorded_with_its_place_and_never_with_what_was_asked_for_there(tunnel, way, school):
    opened = Open(school, port=443, tunnel=tunnel)
    school.now += timedelta(minutes=5)
    opened.session.up, opened.session.down = 70, 8000
    opened.session.over(Outcome.DONE)
    school.gate.uses.tell()
    (event,) = school.events
    assert (event.kind, event.time) == (Kind.WEB_USED, NOW + timedelta(minutes=5))
    assert dict(event.fields) == {
        "login": "fred",
        "address": "10.1.0.9",
        "host": "example.org",
        "port": 443,
        "way": way,
        "since": NOW.isoformat(),
        "requests": 1,
        "up": 70,
        "down": 8000,
        "outcome": "done",
    }


def test_what_was_ended_by_us_is_recorded_as_refused(school):
    opened = Open(school)
    school.change(replace(FRED, password_changed_at=NOW + timedelta(seconds=5)))
    opened.session.recheck()
    opened.session.over(Outcome.FAILED)
    school.gate.uses.tell()
    assert [event.kind for event in school.events] == [Kind.SESSION_ENDED, Kind.WEB_USED]
    assert school.events[-1].fields["outcome"] == "refused"


def test_each_outcome_can_be_recorded(school):
    for outcome in Outcome:
        Open(school).session.over(outcome)
    school.gate.uses.tell()
    assert [event.fields["outcome"] for event in school.events] == list(Outcome)
