"""Whom PASV sends where."""

from ipaddress import ip_network

import pytest

from appliance.fileshare.addresses import passive_address

SCHOOL = (ip_network("10.1.0.0/16"), ip_network("fd12:3456:789a::/48"))
ROUTER = "203.0.113.7"


@pytest.mark.parametrize(
    ("client", "networks", "told"),
    [
        ("10.1.2.3", SCHOOL, None),
        ("::ffff:10.1.2.3", SCHOOL, None),
        ("192.168.1.1", SCHOOL, ROUTER),
        ("8.8.8.8", SCHOOL, ROUTER),
        ("::ffff:8.8.8.8", SCHOOL, ROUTER),
        ("192.168.1.1", (), None),
        ("127.0.0.1", (), None),
        ("8.8.8.8", (), ROUTER),
        (None, SCHOOL, None),
    ],
)
def test_where_files_are(client, networks, told):
    assert passive_address(client, networks, ROUTER) == told
    assert passive_address(client, networks, None) is None
