"""The order in which addresses are tried."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.eyeballs import in_turn


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        ("", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1 2001:db8::1", "2001:db8::1 192.0.2.1"),
        ("192.0.2.2 192.0.2.1 192.0.2.2 2001:db8::1", "2001:db8::1 192.0.2.2 192.0.2.1"),
        ("2001:db8::3 2001:db8::1 2001:db8::2 192.0.2.1", "2001:db8::3 192.0.2.1 2001:db8::1 2001:db8::2"),
    ],
)
def test_families_are_tried_in_turn(found: str, tried: str) -> None:
    assert in_turn([ip_address(one) for one in found.split()]) == [ip_address(one) for one in tried.split()]


@given(st.lists(st.ip_addresses(), max_size=30))
def test_both_families_get_their_turn_and_nobody_tries_for_long(found) -> None:
    tried = in_turn(found)
    assert len(tried) == min(6, len(set(found)))
    assert set(tried) <= set(found) and len(set(tried)) == len(tried)
    assert {one.version for one in tried} == {one.version for one in found}
