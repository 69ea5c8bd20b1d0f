"""What holds for any school, any request and any instant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.policy.account import Consent, Lock
from appliance.policy.decision import Allow, Deny, Limits, TryLater
from appliance.policy.limits import LimitTable
from appliance.policy.rules import decide, explain
from appliance.policy.schedule import ALL_DAY, Schedule
from appliance.policy.web import Verdict
from appliance.policy.web_rules import WebRules

from .strategies import BERLIN, checked, deciding, freds_requests, instants, nobodys_requests, requests, snapshots


def meaning(decision):
    return replace(decision, valid_until=None)


@checked
@given(st.none() | snapshots, requests, instants)
def test_it_is_total_and_explains_what_it_decides(snapshot, request, now):
    decision = decide(snapshot, request, now)
    assert isinstance(decision, Allow | Deny | TryLater)
    unknown = snapshot is not None and request.categories is None and any(rule.categories for rule in snapshot.web)
    assert isinstance(decision, TryLater) is (snapshot is None) or unknown
    explained, steps = explain(snapshot, request, now)
    assert explained == decision
    assert steps


@checked
@given(
    deciding,
    freds_requests | nobodys_requests,
    instants,
    st.lists(st.floats(0, 1, exclude_max=True), min_size=6, max_size=6),
)
def test_an_answer_stands_until_it_says(snapshot, request, now, places):
    decision = decide(snapshot, request, now)
    start = now.astimezone(UTC)
    end = start + timedelta(days=500) if decision.valid_until is None else decision.valid_until
    assert end > start
    last = end - timedelta.resolution
    later = [min(start + (end - start) * place, last) for place in places]
    assert {meaning(decide(snapshot, request, at)) for at in [*later, last]} == {meaning(decision)}


def person_changed(**fields):
    return lambda snapshot, login, _: replace(
        snapshot, accounts={**snapshot.accounts, login: replace(snapshot.accounts[login], **fields)}
    )


def allow_rules(snapshot):
    places = [place for place, rule in enumerate(snapshot.rules) if rule.allow]
    assume(places)
    return places


def without_an_allow_rule(snapshot, _, number):
    allowing = allow_rules(snapshot)
    gone = allowing[number % len(allowing)]
    return replace(snapshot, rules=snapshot.rules[:gone] + snapshot.rules[gone + 1 :])


def with_a_rule_turned(snapshot, _, number):
    place = number % len(snapshot.rules)
    turned = replace(snapshot.rules[place], allow=False)
    return replace(snapshot, rules=(*snapshot.rules[:place], turned, *snapshot.rules[place + 1 :]))


def with_an_allow_rule_narrowed(snapshot, _, number):
    allowing = allow_rules(snapshot)
    place = allowing[number % len(allowing)]
    never = Schedule(frozenset({number % 7}), (ALL_DAY,), BERLIN)
    rule = snapshot.rules[place]
    return replace(
        snapshot,
        rules=(
            *snapshot.rules[:place],
            replace(rule, schedule=rule.schedule or never, rooms=rule.rooms or frozenset({"12"})),
            *snapshot.rules[place + 1 :],
        ),
    )


def without_a_consent(snapshot, login, number):
    consents = snapshot.accounts[login].consents
    assume(consents)
    gone = sorted(consents)[number % len(consents)]
    return person_changed(consents=consents - {gone})(snapshot, login, number)


def with_a_consent_required(snapshot, _, number):
    asked = frozenset({sorted(Consent)[number % len(Consent)]})
    services = {service: snapshot.consents_required.get(service, frozenset()) | asked for service in ("mail", "web")}
    return replace(snapshot, consents_required={**snapshot.consents_required, **services})


def with_a_lock(snapshot, login, number):
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    held = (*snapshot.accounts[login].locks, Lock(None, start, start + timedelta(days=number)))
    return person_changed(locks=held)(snapshot, login, number)


def with_an_open_site_closed(snapshot, _, number):
    places = [place for place, rule in enumerate(snapshot.web) if rule.verdict in (Verdict.ALLOW, Verdict.ALWAYS)]
    assume(places)
    place = places[number % len(places)]
    closed = replace(snapshot.web[place], verdict=Verdict.BLOCK)
    return replace(snapshot, web=WebRules((*snapshot.web[:place], closed, *snapshot.web[place + 1 :])))


def with_half_the_limits(snapshot, _, __):
    def half(limits):
        return Limits(limits.upload // 2, limits.download // 2)

    table = snapshot.limits
    rules = (
        replace(
            rule,
            upload=None if rule.upload is None else rule.upload // 2,
            download=None if rule.download is None else rule.download // 2,
        )
        for rule in table.rules
    )
    halved = LimitTable(
        half(table.default),
        {role: half(own) for role, own in table.roles.items()},
        table.message_overhead,
        tuple(rules),
    )
    return replace(snapshot, limits=halved)


def without_the_account(snapshot, login, _):
    return replace(snapshot, accounts={name: person for name, person in snapshot.accounts.items() if name != login})


def without_an_exemption(snapshot, _, number):
    exemptions = [place for place, rule in enumerate(snapshot.limits.rules) if rule.only_raises]
    assume(exemptions)
    gone, rules = exemptions[number % len(exemptions)], snapshot.limits.rules
    return replace(snapshot, limits=replace(snapshot.limits, rules=rules[:gone] + rules[gone + 1 :]))


TAKEN_AWAY = [
    person_changed(disabled=True),
    person_changed(must_change=True),
    without_an_allow_rule,
    with_a_rule_turned,
    with_an_allow_rule_narrowed,
    without_a_consent,
    with_a_consent_required,
    with_a_lock,
    with_an_open_site_closed,
    with_half_the_limits,
    without_an_exemption,
    without_the_account,
]


@checked
@given(deciding, freds_requests, instants, st.sampled_from(TAKEN_AWAY), st.integers(0, 700))
def test_taking_a_permission_away_never_allows_more(snapshot, request, now, take_away, number):
    before = decide(snapshot, request, now)
    after = decide(take_away(snapshot, request.login, number), request, now)
    if isinstance(after, Allow):
        assert isinstance(before, Allow)
        assert after.limits.upload <= before.limits.upload
        assert after.limits.download <= before.limits.download
