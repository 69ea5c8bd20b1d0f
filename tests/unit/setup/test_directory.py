"""Which directory a server has, and what stands against it."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.daemon.options_network import Address
from appliance.settings.load import Settings, load
from appliance.setup.directory import Standing, fitting, names, problems, taken_ports
from appliance.setup.ports import Holder

FRESH = Standing("slapd", frozenset(), frozenset(), None, set_up=False)
IN_SLAPD = Standing("slapd", frozenset({"slapd"}), frozenset({"slapd"}), None, set_up=True)
ALL = frozenset({"directory", "domain", "auth"})


def settings(folder, kind: str, **domain: str) -> Settings:
    (folder / "directory.yaml").write_text(
        f"kind: {kind}\nuri: {'null' if kind in ('slapd', 'domain') else 'ldaps://a.example'}\n"
    )
    with (folder / "directory.yaml").open("a") as file:
        file.write("" if kind in ("slapd", "domain") else "bind_name: cn=we,dc=a\n")
    (folder / "domain.yaml").write_text(
        "".join(f"{key}: {value}\n" for key, value in {"host": "server", **domain}.items())
    )
    return load(folder)


def told(*arguments: Any) -> str:
    return "\n".join(problems(*arguments))


def test_what_fits_is_the_domain_where_it_is_installed_and_what_is_in_use():
    assert fitting(ALL, FRESH) == "domain"
    assert fitting(ALL - {"domain"}, FRESH) == "slapd"
    assert fitting(ALL, IN_SLAPD) == "slapd"


@pytest.mark.parametrize("kind", ["slapd", "domain", "ldap"])
def test_nothing_stands_against_any_of_them_on_a_new_server(tmp_path, kind):
    assert told(settings(tmp_path, kind), ALL, FRESH) == ""


@pytest.mark.parametrize(("kind", "package"), [("slapd", "schoolserver-directory"), ("domain", "schoolserver-domain")])
def test_a_package_that_is_missing_is_named(tmp_path, kind, package):
    assert package in told(settings(tmp_path, kind), frozenset({"auth"}), FRESH)


def test_accounts_move_from_slapd_into_the_domain_and_nowhere_else(tmp_path):
    assert IN_SLAPD.moves("domain")
    assert told(settings(tmp_path, "domain"), ALL, IN_SLAPD) == ""
    assert not IN_SLAPD.moves("ldap")
    assert "the accounts are in slapd, so it stays" in told(settings(tmp_path, "ldap"), ALL, IN_SLAPD)
    moved = replace(IN_SLAPD, kind="domain", made=frozenset({"slapd", "domain"}))
    assert "the accounts are in domain" in told(settings(tmp_path, "slapd"), ALL, moved)


def test_a_server_that_has_never_been_used_may_have_another_one(tmp_path):
    assert told(settings(tmp_path, "ldap"), ALL, replace(IN_SLAPD, set_up=False)) == ""


def test_the_names_of_a_domain_stay_once_somebody_is_in_it(tmp_path):
    made = Standing("domain", frozenset({"domain"}), frozenset({"domain"}), ("schule.example", "SCHULE", "old"), True)
    found = settings(tmp_path, "domain")
    assert "the domain was made as schule.example, SCHULE, old" in told(found, ALL, made)
    never = replace(made, set_up=False)
    assert told(found, ALL, never) == ""
    assert never.begins_anew(found)
    assert not replace(never, domain=names(found)).begins_anew(found)


def test_a_machine_without_a_name_cannot_be_a_domain_s_server(tmp_path):
    assert "hostnamectl" in told(settings(tmp_path, "domain", host="localhost"), ALL, FRESH)


def test_a_port_of_the_domain_that_somebody_has_is_told_once_with_what_to_do():
    dnsmasq = [Holder(Address(host, 53), "dnsmasq", 7, "dnsmasq.service") for host in ("10.1.0.2", "::")]
    found = taken_ports(dnsmasq, (), (), ())
    assert len(found) == 1
    assert "port 53 (DNS) is taken by dnsmasq" in found[0]
    assert "systemctl disable --now dnsmasq.service" in found[0]
    assert taken_ports(dnsmasq, (), ("dnsmasq.service",), ()) == [], "it is about to be stopped"
    ours = Address("127.0.0.1", 389)
    held = [Holder(ours, "systemd", 1, "init.scope"), Holder(Address("10.1.0.2", 8053), "x", 9, "")]
    assert taken_ports(held, (), (), (ours,)) == [], "slapd's port gives way"


def test_a_port_that_is_asked_by_datagrams_counts_for_whoever_has_that_alone():
    names = Holder(Address("10.1.0.2", 53), "unbound", 7, "", datagrams=True)
    assert "port 53 (DNS) is taken by unbound (process 7)" in taken_ports([names], (), (), ())[0]
    others = [Holder(Address("0.0.0.0", port), "x", 7, "", datagrams=True) for port in (445, 636)]
    assert taken_ports(others, (), (), ()) == [], "files and LDAPS are no datagrams"
    samba = [Holder(Address("0.0.0.0", 445), "smbd", 8, "smbd.service")]
    assert "port 445 (files) is taken by smbd" in taken_ports(samba, (), (), ())[0]
    assert taken_ports(samba, (), ("smbd.service",), ()) == [], "Debian's own gives way"
    assert taken_ports([names], ("10.1.0.1", "eth1"), (), ()) == [], "the domain is not served there"
    assert taken_ports([names], ("10.1.0.2",), (), ())
