"""What a reload cannot change stays, and is told."""

import pytest

from appliance.settings.load import load
from appliance.supervisor.held import held


@pytest.fixture
def write(tmp_path):
    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return load(tmp_path)

    return write


def test_nothing_is_held_of_what_a_reload_can_change(write):
    started = write()
    new = write(
        mail="idle_timeout: 10 min\n", server="probe_interval: 9 s\n", network="rooms: {'12': [10.1.12.0/24]}\n"
    )
    assert held(started, new) == (new, [])


def test_an_address_stays_where_the_socket_is_and_the_rest_counts(write):
    started = write()
    new = write(network="listen: {imap: '0.0.0.0:1143'}\nrooms: {'12': [10.1.12.0/24]}\n")
    kept, lines = held(started, new)
    assert kept.network.listen == started.network.listen
    assert kept.network.rooms == new.network.rooms
    assert lines == [
        "network.yaml: listen.imap stays as it was until: schoolserver setup && systemctl restart schoolserver.target"
    ]


@pytest.mark.parametrize("turned", [("", "wlan_networks: [10.1.64.0/18]\n"), ("wlan_networks: [10.1.64.0/18]\n", "")])
def test_ports_of_a_wlan_open_and_close_by_setup_alone(write, turned):
    started = write(network=turned[0])
    kept, lines = held(started, write(network=turned[1]))
    assert kept.network.wlan_networks == started.network.wlan_networks
    assert lines == [
        "network.yaml: wlan_networks stays as it was until: schoolserver setup && systemctl restart schoolserver.target"
    ]


def test_which_networks_the_wlan_has_counts_at_once(write):
    started = write(network="wlan_networks: [10.1.64.0/18]\n")
    new = write(network="wlan_networks: [10.1.64.0/18, 10.2.64.0/18]\n")
    assert held(started, new) == (new, [])


def test_each_that_stays_is_told_and_without_systemd_in_other_words(write):
    started = write(server="launcher: children\n")
    new = write(server="launcher: systemd\nstate: /srv/elsewhere\nreserve: 2 GB\n", proxy="workers: 7\n")
    kept, lines = held(started, new)
    assert kept.server.state == started.server.state
    assert kept.server.launcher == "children"
    assert kept.server.reserve == new.server.reserve
    assert [line.partition(" stays")[0] for line in lines] == [
        "server.yaml: state",
        "server.yaml: launcher",
        "proxy.yaml: workers",
    ]
    assert all(line.endswith("start the server anew") for line in lines)


def test_going_back_to_what_runs_is_silent_again(write):
    started = write()
    write(network="listen: {imap: '0.0.0.0:1143'}\n")
    assert held(started, write(network="listen: {imap: '0.0.0.0:143'}\n"))[1] == []


def test_what_only_an_engine_of_the_domain_goes_by_names_that_engine(write):
    started = write(directory="kind: domain\n", domain="host: server\n")
    kept, lines = held(started, write(domain="host: other\ndns_forwarders: [192.0.2.53]\ntime_servers: [192.0.2.1]\n"))
    assert kept.domain == started.domain
    anew = "stays as it was until: systemctl restart"
    assert lines == [
        "domain.yaml: host stays as it was, for the domain is made so",
        f"domain.yaml: dns_forwarders {anew} schoolserver-domain schoolserver-supervisor",
        f"domain.yaml: time_servers {anew} schoolserver-time schoolserver-supervisor",
    ]


def test_without_a_domain_nothing_is_said_of_one(write):
    started = write(domain="host: server\n")
    assert held(started, write(domain="host: other\ndns_forwarders: [192.0.2.53]\n"))[1] == []
