"""Which addresses are this machine's own."""

import socket

import psutil
import pytest

from appliance.daemon.oneself import leads_here


def test_every_address_of_a_card_is_our_own():
    cards = [one for card in psutil.net_if_addrs().values() for one in card if one.family == socket.AF_INET]
    assert all(leads_here(one.address) for one in cards)


@pytest.mark.parametrize("address", ["127.0.0.53", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_so_is_loopback(address):
    assert leads_here(address)


@pytest.mark.parametrize("address", ["192.0.2.53", "2001:db8::53"])
def test_somebody_else_is_not(address):
    assert not leads_here(address)
