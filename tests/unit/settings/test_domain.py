"""``domain.yaml``: what is left to us, and which names cannot be."""

import socket

import pytest

from appliance.settings.check import check
from appliance.settings.load import load


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Server.park.example")


def loaded(folder, domain="", directory="kind: domain"):
    (folder / "school.yaml").write_text("domain: grundschule-am-park.example\n")
    (folder / "directory.yaml").write_text(directory)
    (folder / "domain.yaml").write_text(domain)
    return load(folder).domain


def test_left_to_us(tmp_path):
    found = loaded(tmp_path)
    assert (found.name, found.realm) == ("grundschule-am-park.example", "GRUNDSCHULE-AM-PARK.EXAMPLE")
    assert found.workgroup == "GRUNDSCHULE-AM"  # 15 characters, and no dash at the end
    assert (found.host, found.fqdn) == ("server", "server.grundschule-am-park.example")


def test_asked_for(tmp_path):
    found = loaded(tmp_path, "name: ad.grundschule-am-park.example\nworkgroup: Park\nhost: DC1\n")
    assert (found.workgroup, found.fqdn) == ("PARK", "dc1.ad.grundschule-am-park.example")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: park.example", "ends in .grundschule-am-park.example"),
        ("name: notgrundschule-am-park.example", "ends in .grundschule-am-park.example"),
        ("name: Ad.Grundschule", "in lower case"),
        ("workgroup: GRUNDSCHULE-AM-PARK", "at most 15"),
        ("workgroup: SERVER", "two different names"),
        ("host: grundschule-am", "two different names"),
        ("host: server.park", "at most 15"),
        ("dns_forwarders: [dns.town.example]", "an IP address such as 10.1.0.1"),
        ("dns_forwarders: [192.0.2.53, 127.0.0.1]", "dns_forwarders[1]: found 127.0.0.1, which is this server itself"),
        ("dns_forwarders: ['::1']", "the address of another DNS server"),
        ("interfaces: ['eth0; x']", "network card"),
    ],
)
def test_what_cannot_be(tmp_path, text, problem):
    loaded(tmp_path)
    (tmp_path / "domain.yaml").write_text(text)
    found = [str(one) for one in check(tmp_path)]
    assert len(found) == 1
    assert problem in found[0]


def test_no_server_is_asked_for_names_in_local(tmp_path):
    loaded(tmp_path)
    (tmp_path / "school.yaml").write_text("domain: park.local\n")
    (found,) = check(tmp_path)
    assert "does not end in .local" in str(found)
    (tmp_path / "directory.yaml").write_text("kind: slapd\n")
    assert check(tmp_path) == ()


def test_who_has_no_domain_is_asked_for_no_names(tmp_path):
    assert loaded(tmp_path, "workgroup: SERVER", "kind: slapd").workgroup == "SERVER"
