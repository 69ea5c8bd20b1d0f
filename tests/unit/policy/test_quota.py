"""One quota over mail and files."""

import pytest

from appliance.policy.quota import over_quota, space_left

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
