"""Exemptions and quotas on a running server: verb, snapshot, end by itself, who granted it."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.policy.account import Service
from appliance.policy.decision import Allow
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.supervisor.client import ServerRefused

FRED, ANNA = "fred.mustermann", "anna.lehmann"
MB = 10**6


def limit_of(school, login, audience="supervisor", service=Service.MAIL):
    snapshot = school.published(audience)
    account = snapshot.accounts[login]
    snapshot.accounts[login] = type(account)(**{**fields(account), "must_change": False})
    answer = decide(snapshot, Request(login, service), datetime.now(UTC))
    assert isinstance(answer, Allow), answer
    return answer


def fields(account):
    return {name: getattr(account, name) for name in account.__slots__}


def refused(school, verb, **arguments):
    with pytest.raises(ServerRefused) as caught:
        school.call(verb, **arguments)
    return caught.value


def event(school, kind):
    return school.when(lambda: [one for one in school.events() if one["kind"] == kind])[-1]


def soon(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_an_exemption_reaches_the_services_says_who_granted_it_and_ends_by_itself(school):
    assert limit_of(school, FRED, "mail").limits.upload == 20 * MB
    school.call("limits.allow", target=FRED, size="500MB", until=soon(3), reason="film of 3a")
    answer = limit_of(school, FRED, "mail")
    assert answer.limits.upload == answer.limits.download == 500 * MB
    assert answer.valid_until is not None
    (exemption,) = school.call("limits.show", target=FRED)["exemptions"]
    assert (exemption["login"], exemption["size"], exemption["reason"]) == (FRED, 500 * MB, "film of 3a")
    assert exemption["by"] == event(school, "limit-allowed")["by"] != ""
    school.when_published("mail", lambda snapshot: not snapshot.limits.rules)
    assert limit_of(school, FRED, "mail").limits.upload == 20 * MB
    assert school.call("limits.show", target=FRED)["exemptions"] == []


def test_a_group_is_exempted_and_the_exemption_revoked(school):
    school.call("limits.allow", target="klasse3a", size="100 MB", until="2199-12-18", reason="projects")
    assert limit_of(school, FRED).limits.upload == 100 * MB
    assert limit_of(school, ANNA).limits.upload == 20 * MB
    shown = school.call("limits.show", target=FRED)
    assert shown["exemptions"][0]["group"] == "klasse3a"
    assert shown["exemptions"][0]["until"] == "2199-12-19 00:00"
    assert {one["upload"] for one in shown["services"]} == {100 * MB}
    assert school.call("limits.show", target=ANNA)["exemptions"] == []
    assert len(school.call("limits.show")["exemptions"]) == 1
    school.call("limits.revoke", target="klasse3a")
    assert limit_of(school, FRED).limits.upload == 20 * MB
    assert event(school, "limit-revoked")["group"] == "klasse3a"
    assert refused(school, "limits.revoke", target="klasse3a").kind == "no-exemption"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": "500"}, "'size' is '500'"),
        ({"size": "500 mb"}, "did you mean 500 MB?"),
        ({"until": "2020-01-01"}, "which has passed"),
        ({"until": "tomorrow"}, "'until'"),
        ({"reason": " "}, "'reason' is empty"),
        ({"target": "fred.musterman"}, "near: fred.mustermann"),
    ],
)
def test_what_is_wrong_is_said(school, wrong, words):
    given = {"target": FRED, "size": "500 MB", "until": "2199-12-18", "reason": "film", **wrong}
    assert words in refused(school, "limits.allow", **given).text


def test_a_quota_of_ones_own(school):
    assert school.call("quota.show", login=FRED)["source"] == "quota.yaml (default) roles.pupil"
    school.call("quota.set", login=FRED, size="2GB", until=soon(3), reason="video club")
    assert {school.published(name).accounts[FRED].quota for name in ("supervisor", "auth", "mail")} == {2000 * MB}
    assert school.published("web").accounts[FRED].quota == 0
    shown = school.call("quota.show", login=FRED)
    assert (shown["quota"], shown["source"], shown["reason"]) == (2000 * MB, "state quota", "video club")
    assert event(school, "quota-set")["size"] == 2000 * MB
    school.when_published("mail", lambda snapshot: snapshot.accounts[FRED].quota == 1000 * MB)
    school.call("quota.set", login=ANNA, size="0 B", reason="archive of the school paper")
    assert school.published("mail").accounts[ANNA].quota == 0
    assert school.call("quota.show", login=ANNA)["left"] is None
    school.call("quota.reset", login=ANNA, reason="done")
    assert school.published("mail").accounts[ANNA].quota == 5000 * MB
    assert refused(school, "quota.reset", login=ANNA, reason="again").kind == "no-quota"
