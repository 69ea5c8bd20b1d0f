"""The script of browsers, run by a reader of such scripts: which hosts go to the proxy, however they are written."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pacparser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.daemon.pac import Inside, script

WAY = "HTTPS proxy.schule.example:3129; PROXY proxy.schule.example:3128"
NETWORKS = (IPv4Network("10.1.0.0/16"), IPv4Network("192.168.7.64/26"), IPv6Network("fd12:3456:789a::/47"))
HERE = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fe80::/10"),
)
THROUGH = (
    ("intranet.schule.example", 8443),
    ("www.schule.example", 443),
    ("library", 80),
    ("10.1.0.7", 80),
    ("fd12:3456:789a::7", 80),
)
INSIDE = Inside(("schule.example", "srv.town.example"), NETWORKS, THROUGH)

SCRIPT = script(WAY.split("; "), INSIDE)


def answer(text: str, url: str, host: str) -> str:
    """What the script ``text`` says."""
    pacparser.init()
    try:
        pacparser.parse_pac_string(text)
        return str(pacparser.find_proxy(url, host))
    finally:
        pacparser.cleanup()


DIRECT = [
    "intranet",
    "Intranet",
    "printer-2",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "app.localhost",
    "schule.example",
    "wiki.schule.example.",
    "a.b.c.Schule.Example",
    "srv.town.example",
    "printer.local",
    "Printer.Local.",
    "nas.home.arpa",
    "10.1.0.7",
    "10.1.255.255",
    "10.1.0.7.",
    "192.168.7.64",
    "192.168.7.127",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.1.1",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "fe80::1",
    "fe80::1%eth0",
    "[FE80::1%25eth0]",
    "febf::1",
    "[fd12:3456:789a::5]",
    "FD12:3456:789B:0:0:0:0:5",
    "fd12:3456:789a:0000:0000:0000:10.9.9.9",
    "::ffff:10.1.2.3",
    "[::ffff:a01:203]",
]

BY_PROXY = [
    "www.wikipedia.example",
    "evilschule.example",
    "schule.example.evil.example",
    "schule.example-evil.example",
    "other.town.example",
    "home.arpa.evil.example",
    "local.evil.example",
    "intranet.",
    "com.",
    "10.0.255.255",
    "10.2.0.0",
    "192.168.7.63",
    "192.168.7.128",
    "126.255.255.255",
    "128.0.0.0",
    "0.0.0.0",
    "198.51.100.1",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "127.1",
    "10.1.7",
    "010.1.0.7",
    "10.1.0.07",
    "10.1.0.0x7",
    "012.1.0.7",
    "167837703",
    "10.1.0.256",
    "10.1.0.7.8",
    "10.1.0.7..",
    "1.2.3.4.schule.example.5",
    "evil.schule.example.0x",
    "10.1.0.7.evil.example",
    "fec0::1",
    "::",
    "::2",
    "2001:db8::1",
    "fd12:3456:789c::1",
    "fd12:3456:789a::1::2",
    "fd12:3456:789a:1:2:3:4:5:6",
    "fd12:3456:789a:1:2:3:4",
    "fd12:3456:789a::12345",
    "fd12:3456:789a::g",
    "fd12:3456:789a::1.2.3",
    "::ffff:198.51.100.1",
    "64:ff9b::10.1.0.7",
    "2002:a01:7::1",
    "::10.1.0.7",
    ":",
    ":::",
    "[",
    ".",
    "..schule.example",
    ".schule.example",
    "x..schule.example",
    "evil.example/.schule.example",
    "evil.example#.schule.example",
    "evil.example@www.schule.example",
    "evil example.schule.example",
    "schüler.schule.example",
]


@pytest.mark.parametrize("host", DIRECT)
def test_what_is_inside_is_reached_directly(host: str) -> None:
    assert answer(SCRIPT, "https://x/", host) == "DIRECT"


@pytest.mark.parametrize("host", BY_PROXY)
def test_everything_else_goes_to_the_proxy_and_never_past_it(host: str) -> None:
    assert answer(SCRIPT, "https://x/", host) == WAY


@pytest.mark.parametrize(
    ("url", "host", "told"),
    [
        ("https://intranet.schule.example:8443/", "intranet.schule.example", WAY),
        ("https://Intranet.Schule.Example:8443", "Intranet.Schule.Example.", WAY),
        ("https://intranet.schule.example/", "intranet.schule.example", "DIRECT"),
        ("https://intranet.schule.example:84430/", "intranet.schule.example", "DIRECT"),
        ("https://x.intranet.schule.example:8443/", "x.intranet.schule.example", "DIRECT"),
        ("https://www.schule.example/a:8443", "www.schule.example", WAY),
        ("wss://www.schule.example", "www.schule.example", WAY),
        ("HTTPS://www.schule.example?x", "www.schule.example", WAY),
        ("http://www.schule.example:443/", "www.schule.example", WAY),
        ("http://www.schule.example/?https://www.schule.example:443/", "www.schule.example", "DIRECT"),
        ("http://443:443@www.schule.example/", "www.schule.example", "DIRECT"),
        ("http://library/", "library", WAY),
        ("http://library:8080/", "library", "DIRECT"),
        ("http://10.1.0.7/", "10.1.0.7", WAY),
        ("ws://10.1.0.7/", "10.1.0.7", WAY),
        ("http://10.1.0.7:8080/", "10.1.0.7", "DIRECT"),
        ("http://[fd12:3456:789a::7]/", "[fd12:3456:789a::7]", WAY),
        ("http://[FD12:3456:789a:0::7]:80/", "fd12:3456:789a:0:0:0:0:7", WAY),
        ("http://[fd12:3456:789a::7]:81/", "fd12:3456:789a::7", "DIRECT"),
        ("http://[::ffff:10.1.0.7]/", "::ffff:a01:7", WAY),
        ("about:blank", "library", "DIRECT"),
    ],
)
def test_what_the_proxy_reaches_inside_is_asked_of_it_at_that_port_only(url: str, host: str, told: str) -> None:
    assert answer(SCRIPT, url, host) == told


PRINTED = "".join(one for one in map(chr, range(0x20, 0x7F)) if one not in "'\\")  # as the reader takes it
ADDRESSES = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6),
    *(st.ip_addresses(network=one) for one in (*NETWORKS, *HERE, IPv6Network("::/100"))),
    st.ip_addresses(v=4).map(lambda one: IPv6Address(f"::ffff:{one}")),
    st.ip_addresses(network=NETWORKS[0]).map(lambda one: IPv6Address(f"::ffff:{one}")),
)


@given(address=ADDRESSES, spelling=st.integers(0, 5))
def test_an_address_is_ours_when_it_is_in_our_networks_however_it_is_written(
    address: IPv4Address | IPv6Address, spelling: int
) -> None:
    texts = [str(address), f"[{address}]", address.exploded, str(address).upper(), f"{address}.", f"{address}"]
    if isinstance(address, IPv6Address):
        texts[4:] = [f"{address}%lan0", dotted(address)]
        address = address.ipv4_mapped or address
    ours = any(address.version == one.version and address in one for one in (*NETWORKS, *HERE))
    assert answer(SCRIPT, "https://x/", texts[spelling]) == ("DIRECT" if ours else WAY)


def dotted(address: IPv6Address) -> str:
    """The address with its last 32 bits as those of IPv4."""
    groups = address.exploded.split(":")
    return ":".join([*groups[:6], str(IPv4Address(address.packed[12:]))])


@given(host=st.text(PRINTED, min_size=1, max_size=60))
def test_no_other_name_with_a_dot_is_reached_directly(host: str) -> None:
    """As hosts of an attacker's own making are, below any of his domains."""
    assert answer(SCRIPT, f"http://{host}/", f"{host}.evil.example") == WAY


@given(host=st.text("0123456789abcdefx.:[]%-", min_size=1, max_size=40))
@example(host="0xx")
@example(host="0x")
def test_what_no_address_is_and_has_no_name_of_ours_goes_to_the_proxy(host: str) -> None:
    told = answer(SCRIPT, f"http://{host}/", host)
    assert told in ("DIRECT", WAY)
    if told == "DIRECT":
        bare = host.strip("[]").partition("%")[0].rstrip(".")
        try:
            ip_address(bare)
        except ValueError:
            assert "." not in host and ":" not in host and not host.isdigit() and not re.fullmatch("0x[0-9a-f]*", host)


def test_names_cannot_break_out_of_the_script() -> None:
    evil = 'x"; way = "DIRECT"; //'
    text = script((evil,), Inside((evil, "\u2028\n"), (), ((evil, 80),)))
    assert text.isascii()
    assert answer(text, "http://site.example/", "site.example") == evil


def test_no_name_is_looked_up() -> None:
    asking = "function dnsResolve() { throw 1; } isInNet = isResolvable = isInNetEx = dnsResolveEx = dnsResolve;\n"
    assert answer(asking + SCRIPT, "http://site.example/", "site.example") == WAY
    assert not [one for one in ("dnsResolve", "isInNet", "isResolvable", "myIpAddress") if one in SCRIPT]
