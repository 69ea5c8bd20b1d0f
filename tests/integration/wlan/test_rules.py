"""The WLAN's rules in a real kernel: each line, tried by clients on both sides of it."""

import subprocess
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from appliance.daemon.options_network import NetworkPort
from appliance.firewall.render import TABLE, Wlan, remove, render
from tests.integration.wlan.networks import OUTSIDE, OUTSIDE6, PC, PC6, PHONE, SERVER, SERVER6, listening

GOLDEN = Path(__file__).resolve().parents[2] / "unit" / "firewall" / "golden"
WLAN = Wlan(
    networks=(ip_network("10.1.64.0/18"), ip_network("fd12:1:1:64::/64")),
    cards=(),
    school=(ip_network("10.1.0.0/16"), ip_network("fd12:1:1::/48")),
    http=3130,
    tls=3131,
    dns=3153,
    unnamed=(NetworkPort(ip_network("8.8.8.0/24"), 5223),),
    tcp=((80, 80), (443, 443), (993, 993), (29000, 29010)),
    udp=((123, 123),),
)
_SERVERS = ("tcp:3130", "tcp:3131", "tcp:3153", "udp:3153", "tcp:80", "tcp:443", "tcp:993", "tcp:22", "tcp:29005")
_OTHERS = ("tcp:80", "tcp:443", "udp:443", "tcp:853", "udp:853", "tcp:53", "udp:53", "tcp:5222", "tcp:5223", "tcp:445")


@pytest.fixture(scope="module")
def busy(school):
    """Everybody listens at everything that somebody could want."""
    with (
        listening(school.server, *_SERVERS, "udp:123", "udp:161"),
        listening(school.outside, *_OTHERS),
        listening(school.pc, *_OTHERS),
        listening(school.phone, "tcp:80", "udp:443"),
    ):
        yield school


@pytest.fixture
def ruled(busy):
    busy.load(render(WLAN))
    yield busy
    busy.load(remove())


@pytest.mark.parametrize("name", ["plain.nft", "whole.nft"])
def test_nft_takes_the_golden_files(school, name):
    done = school.server.run("nft", "-c", "-f", str(GOLDEN / name))
    assert done.returncode == 0, done.stderr


def test_without_the_rules_the_phone_would_reach_everybody(busy):
    """Or the tests below would show nothing."""
    for question in (f"tcp {OUTSIDE} 443", f"udp {OUTSIDE} 443", f"tcp {OUTSIDE6} 853", f"tcp {PC} 445"):
        assert busy.phone.met(question) == f"{question.split()[0]}:{question.split()[2]}"


@pytest.mark.parametrize("outside", [OUTSIDE, OUTSIDE6])
@pytest.mark.parametrize(("port", "led"), [(80, 3130), (443, 3131), (53, 3153)])
def test_web_and_names_are_led_to_the_server_which_sees_where_they_were_meant_for(ruled, outside, port, led):
    (answer,) = ruled.phone.ask(f"tcp {outside} {port}")
    assert (answer["met"], answer["meant"]) == (f"tcp:{led}", [outside, port])


@pytest.mark.parametrize("address", [OUTSIDE, OUTSIDE6, SERVER, SERVER6, PC, PC6])
def test_a_question_for_a_name_is_answered_by_the_server_whomever_it_was_meant_for(ruled, address):
    assert ruled.phone.met(f"udp {address} 53") == "udp:3153"


@pytest.mark.parametrize("outside", [OUTSIDE, OUTSIDE6])
@pytest.mark.parametrize("way", ["udp {} 443", "tcp {} 853", "udp {} 853", "tcp {} 5222"])
def test_what_says_no_name_is_refused_at_once(ruled, outside, way):
    (answer,) = ruled.phone.ask(way.format(outside))
    assert answer["met"] == "refused"
    assert answer["took"] < 2.0


def test_a_listed_port_is_led_on_to_its_network_only(ruled):
    (answer,) = ruled.phone.ask(f"tcp {OUTSIDE} 5223")
    assert (answer["met"], answer["meant"]) == ("tcp:3131", [OUTSIDE, 5223])
    assert ruled.phone.met("tcp 203.0.113.9 5223") == "refused"


@pytest.mark.parametrize("pc", [PC, PC6])
def test_other_networks_of_the_school_are_closed_and_their_web_goes_by_name(ruled, pc):
    assert ruled.phone.met(f"tcp {pc} 445") == "refused"
    assert ruled.phone.met(f"tcp {pc} 443") == "tcp:3131"


@pytest.mark.parametrize("server", [SERVER, SERVER6])
def test_of_the_server_that_is_open_which_it_offers(ruled, server):
    for port in (80, 443, 993, 29005):
        assert ruled.phone.met(f"tcp {server} {port}") == f"tcp:{port}"
    assert ruled.phone.met(f"udp {server} 123") == "udp:123"
    assert ruled.phone.met(f"tcp {server} 22") == "refused"
    assert ruled.phone.met(f"udp {server} 161") == "refused"


def test_the_ports_behind_the_redirections_are_for_who_was_led_there(ruled):
    for port in (3130, 3131):
        assert ruled.phone.met(f"tcp {SERVER} {port}") == "refused"
        assert ruled.pc.met(f"tcp 10.1.12.1 {port}") == "refused"
        assert ruled.outside.met(f"tcp 203.0.113.1 {port}") == "refused"
        assert ruled.server.met(f"tcp 127.0.0.1 {port}") == f"tcp:{port}"
    assert ruled.pc.met("udp 10.1.12.1 3153") == "refused"
    assert ruled.outside.met("tcp fd12:1:1:64::1 3153") == "refused"


def test_who_is_not_in_the_wlan_does_not_notice_the_rules(ruled):
    for question in (f"tcp {OUTSIDE} 443", f"udp {OUTSIDE6} 443", f"udp {OUTSIDE} 53", f"tcp {OUTSIDE6} 5222"):
        assert ruled.pc.met(question) == f"{question.split()[0]}:{question.split()[2]}"
    assert ruled.pc.met("tcp 10.1.12.1 22") == "tcp:22"
    assert ruled.server.met(f"tcp {OUTSIDE} 853") == "tcp:853"


def test_the_school_reaches_into_the_wlan_and_gets_its_answers(ruled):
    assert ruled.pc.met(f"tcp {PHONE} 80") == "tcp:80"
    assert ruled.server.met(f"tcp {PHONE} 80") == "tcp:80"


def test_somebody_outside_opens_no_way_out_by_calling_in(ruled):
    """An answer is one only within the school."""
    ruled.load(remove())
    assert ruled.outside.met(f"udp {PHONE} 443") == "udp:443"
    ruled.load(render(WLAN))
    assert ruled.outside.met(f"udp {PHONE} 443") == "silence"


def test_an_address_of_the_wlan_from_elsewhere_is_not_believed(ruled):
    ruled.pc.must("ip addr add 10.1.64.77/32 dev far")
    try:
        assert ruled.pc.met(f"tcp {OUTSIDE} 443 10.1.64.77") == "silence"
        assert ruled.pc.met("tcp 10.1.12.1 993 10.1.64.77") == "silence"
    finally:
        ruled.pc.must("ip addr del 10.1.64.77/32 dev far")


def test_new_rules_hold_for_what_is_open(ruled):
    """Each packet is judged: nothing goes on that was begun while the rules were away."""
    ruled.load(remove())
    talk = (
        f"exec 3<>/dev/udp/{OUTSIDE}/443; printf a >&3; head -c1 <&3; read -r _; printf b >&3; timeout 1 head -c1 <&3"
    )
    line = subprocess.Popen(
        ruled.phone.argv("bash", "-c", talk), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert line.stdout.read(1) == b"{"
    ruled.load(render(WLAN))
    said, _ = line.communicate(b"\n", timeout=10)
    assert said == b"", "not one byte came back"
    assert line.returncode != 0


def test_on_a_card_of_the_wlan_no_other_address_counts(ruled):
    ruled.load(render(replace(WLAN, cards=("wlan",))))
    assert ruled.phone.met(f"tcp {OUTSIDE} 443") == "tcp:3131"
    assert ruled.phone.met(f"tcp {OUTSIDE6} 443") == "tcp:3131"
    ruled.phone.must("ip addr add 10.1.12.77/32 dev far")
    ruled.server.must("ip route add 10.1.12.77/32 dev wlan")
    try:
        assert ruled.phone.met(f"tcp {OUTSIDE} 853 10.1.12.77") == "silence"
        assert ruled.phone.met(f"tcp {SERVER} 22 10.1.12.77") == "silence"
        ruled.load(render(WLAN))
        assert ruled.phone.met(f"tcp {OUTSIDE} 853 10.1.12.77") == "tcp:853", "without cards only addresses count"
    finally:
        ruled.phone.must("ip addr del 10.1.12.77/32 dev far")
        ruled.server.must("ip route del 10.1.12.77/32 dev wlan")


def test_one_device_does_not_take_all_lines_for_names(ruled):
    script = (
        "import socket\n"
        "lines = []\n"
        "for number in range(12):\n"
        f"    try: lines.append(socket.create_connection(('{SERVER}', 53), 2))\n"
        "    except ConnectionRefusedError: break\n"
        "print(len(lines))\n"
    )
    held = ruled.phone.run("/usr/bin/python3", "-c", script)
    assert held.stdout.strip() == "8", held.stderr


def test_counters_say_what_was_refused(ruled):
    ruled.phone.met(f"udp {OUTSIDE} 443")
    shown = ruled.server.run("nft", "list", "chain", "inet", TABLE, "wlan").stdout
    assert "udp dport 443 counter packets 1 " in shown
