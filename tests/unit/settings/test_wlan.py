"""The WLAN's networks, its cards, and where it may go without a name."""

from ipaddress import ip_address, ip_network

import pytest

from appliance.settings.check import check
from appliance.settings.load import load

WLAN = "wlan_networks: [10.1.64.0/18]\n"
BOTH = "wlan_networks: [10.1.64.0/18, 'fd12:3456::/64']\n"
WILD = "listen:\n  transparent-http: '[::]:3130'\n  transparent-tls: '[::]:3131'\n  dns: '[::]:3153'\n"


def problems(folder, network, proxy=""):
    (folder / "network.yaml").write_text(network)
    (folder / "proxy.yaml").write_text(proxy)
    return [str(problem) for problem in check(folder)]


def test_without_a_network_there_is_no_transparent_way_in(tmp_path):
    settings = load(tmp_path)
    assert settings.network.wlan_networks == settings.network.wlan_interfaces == settings.proxy.unnamed == ()


def test_networks_cards_and_what_needs_no_name_are_read(tmp_path):
    unnamed = "unnamed: ['17.0.0.0/8:5223', '[2620:149::/32]:443', '192.0.2.7:80']\n"
    assert problems(tmp_path, BOTH + WILD + "wlan_interfaces: [eth1, wlan0.7]\n", unnamed) == []
    settings = load(tmp_path)
    assert settings.network.wlan_networks == (ip_network("10.1.64.0/18"), ip_network("fd12:3456::/64"))
    assert settings.network.wlan_interfaces == ("eth1", "wlan0.7")
    apple, six, one = settings.proxy.unnamed
    assert [str(each) for each in (apple, six, one)] == ["17.0.0.0/8:5223", "[2620:149::/32]:443", "192.0.2.7/32:80"]
    assert apple.holds(ip_address("17.1.2.3"), 5223)
    assert not apple.holds(ip_address("17.1.2.3"), 443)
    assert not apple.holds(ip_address("2620:149::1"), 5223)
    assert six.holds(ip_address("2620:149::1"), 443)


@pytest.mark.parametrize(
    ("network", "place", "part"),
    [
        ("wlan_networks: [0.0.0.0/0]\n", "network.yaml:1: wlan_networks[0]", "meets 0.0.0.0/8"),
        ("wlan_networks: ['fe80::/64']\n" + WILD, "network.yaml:1: wlan_networks[0]", "meets fe80::/10"),
        (WLAN + "networks: [10.2.0.0/16]\n", "network.yaml:1: wlan_networks[0]", "a part of the school's networks"),
        (WLAN + "device_networks: [10.1.0.0/16]\n", "network.yaml:1: wlan_networks[0]", "devices and WLAN apart"),
        (WLAN + "rooms: {'12': [10.1.0.0/16]}\n", "network.yaml:1: wlan_networks[0]", "a part of room 12"),
        (BOTH, "network.yaml: listen.transparent-http", "[::]:3130"),
        (WLAN + "listen: {dns: '127.0.0.1:3153'}\n", "network.yaml:2: listen.dns", "reaches nobody"),
        ("wlan_interfaces: [eth1]\n", "network.yaml:1: wlan_interfaces", "without wlan_networks"),
        (WLAN + "wlan_interfaces: ['eth1; drop']\n", "network.yaml:2: wlan_interfaces[0]", "network card"),
        (WLAN + "listen: {dns: '0.0.0.0:3131'}\n", "network.yaml:2: listen.dns", "one port"),
    ],
)
def test_what_does_not_fit(tmp_path, network, place, part):
    first = problems(tmp_path, network)[0]
    assert first.startswith(f"{place}: found") and part in first


def test_a_room_may_be_a_part_of_the_wlan(tmp_path):
    assert problems(tmp_path, WLAN + "rooms: {'WLAN of class 7': [10.1.71.0/24]}\n") == []


@pytest.mark.parametrize(
    ("unnamed", "part"),
    [
        ("10.1.0.0/16:443", "meets 10.1.64.0/18"),
        ("127.0.0.1:443", "meets 127.0.0.0/8"),
        ("0.0.0.0/0:443", "outside of the school"),
        ("17.0.0.1/8:443", "17.0.0.0/8"),
        ("17.0.0.0/8", "17.0.0.0/8:443"),
        ("17.0.0.0/8:70000", "17.0.0.0/8:443"),
        ("apple.example:443", "a network or an address"),
    ],
)
def test_where_nobody_goes_without_a_name(tmp_path, unnamed, part):
    (only,) = problems(tmp_path, WLAN, f"unnamed: ['{unnamed}']\n")
    assert only.startswith("proxy.yaml:1: unnamed[0]: found") and part in only
