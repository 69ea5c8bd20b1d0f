"""The WLAN's rules as text; what they do is tried in tests/integration/firewall."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from appliance.daemon.options_network import Address, NetworkPort
from appliance.firewall.render import TABLE, Wlan, remove, render
from appliance.firewall.rules import wlan_of
from tests.unit.supervisor.scenery import settings

GOLDEN = Path(__file__).with_name("golden")
PLAIN = Wlan(
    networks=(ip_network("10.1.64.0/18"),),
    cards=(),
    school=(ip_network("10.1.0.0/16"),),
    http=3130,
    tls=3131,
    dns=3153,
    unnamed=(),
    tcp=((80, 80), (443, 443), (50000, 50099)),
    udp=(),
)
WHOLE = replace(
    PLAIN,
    networks=(ip_network("10.1.64.0/19"), ip_network("10.1.96.0/19"), ip_network("fd12:3456:789a:64::/64")),
    cards=("eth1", "wlan0"),
    school=(ip_network("10.1.0.0/16"), ip_network("fd12:3456:789a::/48"), ip_network("10.1.12.0/24")),
    unnamed=(
        NetworkPort(ip_network("17.0.0.0/8"), 5223),
        NetworkPort(ip_network("2620:149::/32"), 5223),
        NetworkPort(ip_network("17.0.0.0/8"), 443),
    ),
    udp=((123, 123),),
)


@pytest.mark.parametrize(("name", "wlan"), [("plain.nft", PLAIN), ("whole.nft", WHOLE)])
def test_it_is_what_the_golden_file_says(name, wlan):
    assert render(wlan) == (GOLDEN / name).read_text()


def test_only_our_own_table_is_touched():
    text = render(WHOLE)
    assert text.startswith(f"table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n")
    assert text.count("table inet") == 3 and "flush" not in text
    assert remove() == f"delete table inet {TABLE}\n"


def test_what_is_this_machines_own_is_not_judged():
    text = render(WHOLE)
    for chain in ("lead", "judge"):
        _, rule, *_ = text.partition(f"chain {chain} {{\n")[2].split("\n")
        assert rule == '    iifname "lo" accept'


def test_a_port_that_needs_no_name_is_led_to_its_networks_only():
    lines = [line.strip() for line in render(WHOLE).splitlines() if "5223" in line]
    assert lines == [
        "ip daddr { 17.0.0.0/8 } tcp dport 5223 redirect to :3131",
        "ip6 daddr { 2620:149::/32 } tcp dport 5223 redirect to :3131",
    ]


def own(**network):
    found = settings()
    return replace(found, network=replace(found.network, **network))


def test_open_are_the_ports_for_people_and_no_others():
    wlan = wlan_of(own(wlan_networks=(ip_network("10.1.64.0/18"),)))
    assert [first for first, _ in wlan.tcp] == [587, 465, 143, 993, 80, 443, 21, 990, 3129, 29000]
    assert wlan.tcp[-1] == (29000, 29999)
    assert wlan.udp == ()
    assert (wlan.http, wlan.tls, wlan.dns) == (3130, 3131, 3153)


def test_what_listens_for_this_machine_is_not_opened():
    listen = {**settings().network.listen, "imap": Address("127.0.0.1", 2143), "imaps": Address("0.0.0.0", 2993)}
    ports = {first for first, _ in wlan_of(own(listen=listen)).tcp}
    assert {143, 2143}.isdisjoint(ports) and 2993 in ports


def test_of_a_domain_drives_and_time_are_open_and_log_on_is_not():
    found = own()
    domain = wlan_of(replace(found, directory=replace(found.directory, kind="domain")))
    assert (445, 445) in domain.tcp and domain.udp == ((123, 123),)
    assert {88, 135, 389, 636}.isdisjoint(first for first, _ in domain.tcp)


def test_rooms_and_networks_of_devices_are_the_schools():
    school = wlan_of(
        own(
            networks=(ip_network("10.1.0.0/16"),),
            device_networks=(ip_network("10.2.0.0/24"),),
            rooms={"12": (ip_network("10.3.0.0/24"),)},
        )
    ).school
    assert school == tuple(map(ip_network, ("10.1.0.0/16", "10.2.0.0/24", "10.3.0.0/24")))
