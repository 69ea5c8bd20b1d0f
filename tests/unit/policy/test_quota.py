"""One quota over mail and files."""

import pytest

from appliance.policy.quota import over_quota, space_left, warned_share

from .strategies import account


@pytest.mark.parametrize(("quota", "used", "left"), [(100, 30, 70), (100, 100, 0), (100, 130, 0), (0, 10**12, None)])
def test_what_is_left(quota, used, left):
    assert space_left(account(quota=quota), used) == left


@pytest.mark.parametrize(
    ("quota", "used", "more", "fits"),
    [(100, 30, 70, True), (100, 30, 71, False), (100, 130, 0, True), (100, 130, 1, False), (0, 10**12, 10**12, True)],
)
def test_what_fits(quota, used, more, fits):
    rule = over_quota(account(quota=quota), used, more)
    assert (rule is None) is fits
    assert rule is None or rule.text == "up to 100 bytes for mail and files together"


@pytest.mark.parametrize(
    ("used", "before", "share"),
    [
        (0, 0, 0),
        (799, 0, 0),
        (800, 0, 80),
        (949, 80, 80),
        (950, 80, 95),
        (5_000, 0, 95),
        (949, 95, 95),
        (930, 95, 95),
        (929, 95, 80),
        (780, 80, 80),
        (780, 95, 80),
        (779, 95, 0),
        (779, 80, 0),
        (780, 0, 0),
    ],
)
def test_when_its_owner_is_told(used, before, share):
    assert warned_share(account(quota=1_000), used, before) == share


def test_where_there_is_no_bound_nobody_is_told():
    assert warned_share(account(quota=0), 10**12, 80) == 0
