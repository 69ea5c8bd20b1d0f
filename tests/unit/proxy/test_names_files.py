"""What the machine's own files say about names."""

import os
from ipaddress import ip_address
from pathlib import Path

from appliance.proxy.names_files import Files, conf_in, hosts_in

HOSTS = """
127.0.0.1\tlocalhost
::1 localhost ip6-localhost # this machine
10.1.0.7  Intranet.schule.example intranet
10.1.0.7 intranet
#10.1.0.8 off
not-an-address name
10.1.0.9
"""
CONF = """
# by hand
nameserver 10.1.0.1
nameserver\tfe80::1%eth0
nameserver 10.1.0.1
nameserver none
nameserver
domain old.example
search Schule.example. example.org
options timeout:1
nameserver 10.1.0.2
nameserver 10.1.0.3
"""


def test_hosts() -> None:
    found = hosts_in(HOSTS.splitlines())
    assert found == {
        "localhost": [ip_address("127.0.0.1"), ip_address("::1")],
        "ip6-localhost": [ip_address("::1")],
        "intranet.schule.example": [ip_address("10.1.0.7")],
        "intranet": [ip_address("10.1.0.7")],
    }


def test_resolv_conf() -> None:
    assert conf_in(CONF.splitlines()) == (("10.1.0.1", "fe80::1%eth0", "10.1.0.2"), ("schule.example", "example.org"))
    assert conf_in([]) == (("127.0.0.1",), ())


def test_files_are_read_again_when_they_change_and_not_more_often_than_once_a_second(tmp_path: Path) -> None:
    conf, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    files = Files(conf, hosts)
    assert not files.look(10.0), "none is there"
    conf.write_text("nameserver 10.1.0.1\n")
    assert not files.look(10.9)
    assert files.look(11.0)
    assert files.servers == ("10.1.0.1",)
    hosts.write_text("10.1.0.7 intranet\n")
    assert files.look(12.0)
    assert not files.look(13.0)
    os.utime(hosts, (1, 1))
    assert not files.look(14.0), "it says what it said"
    hosts.unlink()
    conf.unlink()
    conf.mkdir()
    assert files.look(15.0)
    assert files.hosts == {}
    assert files.servers == ("10.1.0.1",), "what cannot be read stays as it was"
