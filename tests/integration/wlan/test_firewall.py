"""The program that keeps the rules: at its start, with new settings, against other programs, until its end."""

import signal

import pytest

from appliance.firewall.render import TABLE
from tests.integration.demo.waiting import eventually
from tests.integration.wlan.networks import OUTSIDE, Running, listening, write_settings

_OTHERS = "table inet carer {\n  chain input {\n    type filter hook input priority 0; policy accept;\n  }\n}\n"


@pytest.fixture(scope="module")
def busy(school):
    with listening(school.server, "tcp:3130", "tcp:3131"), listening(school.outside, "tcp:443", "tcp:853"):
        yield school


@pytest.fixture
def firewall(busy, tmp_path):
    busy.load(_OTHERS)
    running = Running(busy.server, "appliance.firewall", write_settings(tmp_path))
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end()
        busy.server.run("nft", "flush", "ruleset")


def table(school):
    return school.server.run("nft", "-t", "-s", "list", "table", "inet", TABLE).stdout


def test_it_makes_its_table_and_takes_it_away_and_leaves_all_others(busy, firewall):
    assert busy.phone.met(f"tcp {OUTSIDE} 443") == "tcp:3131"
    assert busy.phone.met(f"tcp {OUTSIDE} 853") == "refused"
    assert firewall.end() == 0
    assert table(busy) == ""
    assert busy.phone.met(f"tcp {OUTSIDE} 443") == "tcp:443"
    assert busy.server.run("nft", "list", "table", "inet", "carer").returncode == 0
    log = firewall.log.read_text()
    assert "10.1.64" not in log and "8.8.8.8" not in log


def test_it_says_that_this_machine_forwards_packets(firewall):
    """It does in this test, so without the rules all would be open."""
    firewall.process.send_signal(signal.SIGHUP)
    assert "2 networks of the WLAN: web by name, all else closed; this machine forwards" in firewall.told("STATUS=2")


@pytest.mark.parametrize(
    "command", [("flush", "ruleset"), ("delete", "table", "inet", TABLE), ("flush", "chain", "inet", TABLE, "wlan")]
)
def test_what_another_program_takes_away_is_there_again(busy, firewall, command):
    before = table(busy)
    assert busy.server.run("nft", *command).returncode == 0
    eventually(lambda: table(busy) == before)
    eventually(lambda: "another program had changed the rules" in firewall.log.read_text())
    assert busy.phone.met(f"tcp {OUTSIDE} 853") == "refused"


def test_what_others_do_to_their_own_tables_is_not_its_affair(busy, firewall):
    for _ in range(3):
        assert busy.server.run("nft", "add", "rule", "inet", "carer", "input", "counter").returncode == 0
    assert busy.server.run("nft", "delete", "table", "inet", TABLE).returncode == 0
    eventually(lambda: table(busy) != "")
    eventually(lambda: "another program" in firewall.log.read_text())
    assert firewall.log.read_text().count("another program") == 1


def test_new_settings_are_new_rules(busy, firewall, tmp_path):
    write_settings(tmp_path, network="networks: [10.1.0.0/16]\nwlan_networks: [10.1.65.0/24]\n")
    firewall.process.send_signal(signal.SIGHUP)
    firewall.told("STATUS=1 network of the WLAN")
    assert busy.phone.met(f"tcp {OUTSIDE} 853") == "tcp:853", "the phone is in none of the networks any more"


def test_other_ports_count_from_the_next_start(busy, firewall, tmp_path):
    before = table(busy)
    write_settings(tmp_path, network="wlan_networks: [10.1.64.0/18]\nlisten: {transparent-tls: '0.0.0.0:4131'}\n")
    firewall.process.send_signal(signal.SIGHUP)
    firewall.told("STATUS=1 network of the WLAN")
    assert table(busy) != before
    assert busy.phone.met(f"tcp {OUTSIDE} 443") == "tcp:3131"


def test_wrong_settings_change_nothing(busy, firewall, tmp_path):
    before = table(busy)
    write_settings(tmp_path, network="wlan_networks: [10.1.64.0/99]\n")
    firewall.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the former ones stay" in firewall.log.read_text())
    assert table(busy) == before


def test_rules_stay_until_the_ports_behind_them_are_closed(busy, firewall, tmp_path):
    before = table(busy)
    write_settings(tmp_path, network="networks: []\n")
    firewall.process.send_signal(signal.SIGHUP)
    eventually(lambda: "until: schoolserver setup" in firewall.log.read_text())
    assert table(busy) == before


def test_without_a_network_it_makes_no_table_and_says_so(busy, tmp_path):
    running = Running(busy.server, "appliance.firewall", write_settings(tmp_path, network="networks: []\n"), ready=True)
    try:
        assert table(busy) == ""
    finally:
        assert running.end() == 0


def test_a_killed_one_leaves_the_rules_and_the_next_takes_them_over(busy, firewall, tmp_path):
    firewall.process.kill()
    firewall.process.wait(10)
    assert busy.phone.met(f"tcp {OUTSIDE} 853") == "refused"
    again = Running(busy.server, "appliance.firewall", tmp_path / "etc")
    assert busy.phone.met(f"tcp {OUTSIDE} 443") == "tcp:3131"
    assert again.end() == 0
    assert table(busy) == ""
