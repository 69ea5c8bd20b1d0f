"""Lists of domains, and addresses that are not of the internet."""

from ipaddress import ip_address, ip_network

import pytest

from appliance.daemon.logs import Told
from appliance.proxy.addresses import literal, public
from appliance.proxy.filter import Lists, covered, domains, read_lists


def test_a_domain_means_all_below_it_and_nothing_else():
    lists = Lists({"games": ["spiele.example", "play.test"], "adult": ["spiele.example"]})
    assert lists.of("www.spiele.example") == {"games", "adult"}
    assert lists.of("play.test") == {"games"}
    for host in ("example", "notplay.test", "play.test.example", "test", "", "127.0.0.1"):
        assert lists.of(host) == frozenset()


def test_lines_of_a_list():
    lines = [
        "Example.ORG\n",
        "",
        "# note\n",
        " .dotted.test \n",
        "bücher.example",
        "x y",
        "a/b",
        "ok.test # why",
        "-" * 300,
    ]
    assert list(domains(lines)) == ["example.org", "dotted.test", "xn--bcher-kva.example", "ok.test"]


def test_reading_a_folder(tmp_path):
    for name in ("adult", "vpn", ".hidden", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "adult" / "domains").write_text("a.test\r\nb.test\r\n")
    (tmp_path / "adult" / "urls").write_text("c.test/x\n")
    (tmp_path / "vpn" / "domains").write_bytes(b"a.test\n\xff\xfe\n")
    lists = read_lists(tmp_path)
    assert lists.names == ("adult", "vpn")
    assert len(lists) == 2
    assert lists.of("a.test") == {"adult", "vpn"}
    assert read_lists(tmp_path / "nowhere").names == ()


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Told):
        read_lists(tmp_path / "file")


def test_covered():
    assert covered("a.b.example", frozenset({"b.example"}))
    assert not covered("ab.example", frozenset({"b.example"}))


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
