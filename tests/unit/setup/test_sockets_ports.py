"""Where systemd listens, and who else does."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from appliance.daemon.options_network import Address
from appliance.settings.load import load
from appliance.setup.ports import Holder, taken_ports
from appliance.setup.sockets import drop_ins, tcp_sockets
from appliance.supervisor.launcher.units import school_units


@pytest.fixture
def settings(tmp_path):
    return load(tmp_path)


def units(settings, **listen):
    changed = {name.replace("_", "-"): Address(*address) for name, address in listen.items()}
    network = replace(settings.network, listen=MappingProxyType({**settings.network.listen, **changed}))
    return school_units(replace(settings, network=network))


def test_defaults_need_no_drop_in(settings):
    assert drop_ins(units(settings)) == {}


def test_every_socket_has_the_name_of_the_packages(settings):
    assert {name: listener.name for name, listener in tcp_sockets(units(settings))} == {
        "schoolserver-mail.socket": "submission",
        "schoolserver-submissions.socket": "submissions",
        "schoolserver-smtp.socket": "smtp",
        "schoolserver-imap.socket": "imap",
        "schoolserver-imaps.socket": "imaps",
        "schoolserver-autoconfig.socket": "http",
        "schoolserver-https.socket": "https",
        "schoolserver-fileshare.socket": "ftp",
        "schoolserver-ftps.socket": "ftps",
        "schoolserver-ldap-port.socket": "ldap",
        "schoolserver-proxy.socket": "proxy",
        "schoolserver-proxy-tls.socket": "proxy-tls",
    }


def test_another_address_is_rendered(settings):
    made = drop_ins(units(settings, imap=("10.1.0.2", 143), ldap=("::1", 1389), proxy_tls=("0.0.0.0", 8080)))
    head = "# Written by schoolserver setup. Change network.yaml: listen.{} instead and run it again.\n[Socket]\n"
    assert made == {
        "schoolserver-imap.socket": head.format("imap") + "ListenStream=\nListenStream=10.1.0.2:143\n"
        "# The address may come up later than this socket.\nFreeBind=yes\n",
        "schoolserver-ldap-port.socket": head.format("ldap") + "ListenStream=\nListenStream=[::1]:1389\n",
        "schoolserver-proxy-tls.socket": head.format("proxy-tls") + "ListenStream=\nListenStream=0.0.0.0:8080\n",
    }


EXIM = Holder(Address("0.0.0.0", 587), "exim4", 812, "exim4.service")
DOVECOT = Holder(Address("::", 143), "dovecot", 400, "dovecot.service")
SYSTEMD = Holder(Address("0.0.0.0", 21), "systemd", 1, "init.scope")
OURS = Holder(Address("0.0.0.0", 143), "dovecot", 500, "schoolserver-imap.service")
ELSEWHERE = Holder(Address("192.0.2.1", 389), "other", 77, "")


def test_who_has_a_port_is_named_with_what_to_do(settings):
    assert taken_ports(units(settings), [EXIM], (), ()) == [
        "network.yaml: listen.submission: 0.0.0.0:587 is taken by exim4 (process 812, exim4.service); end it"
        " (systemctl disable --now exim4.service), or choose another port"
    ]


def test_both_ports_of_files_are_looked_at(settings):
    others = [Holder(Address("0.0.0.0", port), "vsftpd", 9, "vsftpd.service") for port in (21, 990)]
    told = taken_ports(units(settings), others, (), ())
    assert [one.partition(":")[2].split()[1] for one in told] == ["0.0.0.0:21", "0.0.0.0:990"]
    assert "systemctl disable --now vsftpd.service" in told[1]


def test_a_mail_server_of_the_machine_itself_is_in_the_way_of_port_25_only(settings):
    """Where it stays, ours takes the address in the school."""
    own = Holder(Address("127.0.0.1", 25), "exim4", 700, "exim4.service")
    (told,) = taken_ports(units(settings), [own], (), ())
    assert told.startswith("network.yaml: listen.smtp: 0.0.0.0:25 is taken by exim4 (process 700, exim4.service)")
    assert taken_ports(units(settings, smtp=("10.1.0.2", 25)), [own], (), ()) == []


def test_a_wildcard_of_ipv6_has_the_port_of_ipv4_too(settings):
    assert len(taken_ports(units(settings), [DOVECOT], (), ())) == 1


@pytest.mark.parametrize(
    ("holders", "ours", "going"),
    [
        ([DOVECOT], (), ("dovecot.service",)),
        ([SYSTEMD], ("schoolserver-fileshare.socket",), ()),
        ([OURS], (), ()),
        ([ELSEWHERE], (), ()),
    ],
    ids=["about to go", "our own socket", "our own service", "another address"],
)
def test_what_is_no_obstacle(settings, holders, ours, going):
    assert taken_ports(units(settings), holders, ours, going) == []


def test_systemd_may_hold_it_for_somebody_else(settings):
    assert "systemd (process 1" in taken_ports(units(settings), [SYSTEMD], ("schoolserver-imap.socket",), ())[0]
