"""Addresses that are not of the internet."""

from ipaddress import ip_address, ip_network

import pytest

from appliance.proxy.addresses import literal, public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:db8::1",
        "8.8.8.8",
        "::7f00:1", "::ffff:0:7f00:1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_internet(address):
    assert not public(ip_address(address), [ip_network("8.8.8.0/24"), ip_network("2a00::/64")])


@pytest.mark.parametrize("address", ["1.1.1.1", "2a01::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700::1111"])
def test_addresses_of_the_internet(address):
    assert public(ip_address(address), [ip_network("8.8.8.0/24")])


def test_literal():
    assert literal("example.org") is None
    assert literal("::1") == ip_address("::1")
