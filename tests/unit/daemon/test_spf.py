"""SPF records say who may send for a domain (RFC 7208)."""

import pytest

from appliance.daemon.spf import NotJudged, allows, record_of

ZONE = {
    ("schule.example", "TXT"): ["other text", "v=spf1 include:town.example ip6:2001:db8::/32 ~all"],
    ("town.example", "TXT"): ["v=spf1 ip4:192.0.2.0/28 mx/30 a:out.town.example -all"],
    ("town.example", "MX"): ["mx.town.example"],
    ("mx.town.example", "A"): ["198.51.100.5"],
    ("out.town.example", "A"): ["203.0.113.9"],
    ("moved.example", "TXT"): ["V=SPF1 redirect=town.example"],
    ("open.example", "TXT"): ["v=spf1 ?all"],
    ("bare.example", "TXT"): ["v=spf1"],
    ("a.example", "TXT"): ["v=spf1 a//64 -all"],
    ("a.example", "A"): ["192.0.2.99"],
    ("a.example", "AAAA"): ["2001:db8::1"],
    ("two.example", "TXT"): ["v=spf1 -all", "v=spf1 +all"],
    ("round.example", "TXT"): ["v=spf1 include:round.example -all"],
    ("macro.example", "TXT"): ["v=spf1 exists:%{i}.x.example -all"],
    ("wrong.example", "TXT"): ["v=spf1 ip4:300.1.1.1 -all"],
    ("near.example", "TXT"): ["v=spf10 +all"],
}


def lookup(name: str, kind: str) -> list[str]:
    return ZONE.get((name, kind), [])


@pytest.mark.parametrize(
    ("domain", "address", "result"),
    [
        ("schule.example", "192.0.2.14", "pass"),
        ("schule.example", "192.0.2.16", "softfail"),
        ("schule.example", "198.51.100.6", "pass"),
        ("schule.example", "203.0.113.9", "pass"),
        ("schule.example", "203.0.113.10", "softfail"),
        ("schule.example", "2001:db8::7", "pass"),
        ("town.example", "203.0.113.10", "fail"),
        ("moved.example", "192.0.2.1", "pass"),
        ("moved.example", "10.0.0.1", "fail"),
        ("open.example", "10.0.0.1", "neutral"),
        ("bare.example", "10.0.0.1", "neutral"),
        ("a.example", "192.0.2.99", "pass"),
        ("a.example", "192.0.2.98", "fail"),
        ("a.example", "2001:db8::ffff", "pass"),
        ("none.example", "10.0.0.1", "none"),
        ("near.example", "10.0.0.1", "none"),
    ],
)
def test_what_a_record_allows(domain: str, address: str, result: str) -> None:
    assert allows(domain, address, lookup) == result


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("two.example", "2 SPF records"),
        ("round.example", "more than 10"),
        ("macro.example", "not judged here"),
        ("wrong.example", "a network that is none"),
    ],
)
def test_what_cannot_be_judged_is_said(domain: str, why: str) -> None:
    with pytest.raises(NotJudged, match=why):
        allows(domain, "10.0.0.1", lookup)


def test_the_record() -> None:
    assert record_of("schule.example", lookup) == "v=spf1 include:town.example ip6:2001:db8::/32 ~all"
    assert record_of("none.example", lookup) is None
