"""Setup with a WLAN: its units may start when network.yaml names one, and stop when it does not any more."""

import pytest

from tests.integration.setup.conftest import Installed
from tests.integration.support_ports import free_port

_SOCKETS = ("schoolserver-transparent-http.socket", "schoolserver-transparent-tls.socket")


@pytest.fixture
def machine():
    made = Installed()
    for name in ("firewall", "resolver"):
        (made.places.units / f"schoolserver-{name}.service").touch()
    yield made
    made.end()


def write(machine, wlan):
    path = machine.places.settings / "network.yaml"
    kept = [line for line in path.read_text().splitlines() if "wlan" not in line and "transparent" not in line]
    at = kept.index("listen:") + 1
    listen = [f"  transparent-{name}: 127.0.0.1:{free_port()}" for name in ("http", "tls")] if wlan else []
    more = ["wlan_networks: [10.1.64.0/18]"] if wlan else []
    path.write_text("\n".join([*kept[:at], *listen, *kept[at:], *more, ""]))


def test_at_first_nothing_of_a_wlan_may_start(machine):
    done = machine.answered()
    assert done.returncode == 0, done.stderr
    assert not machine.places.with_wlan.exists()
    assert "WLAN" not in done.stdout


def test_what_is_named_opens_after_the_proxy_has_stopped(machine):
    machine.answered()
    write(machine, wlan=True)
    done = machine.answered()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "closed (nftables, DNS): 10.1.64.0/18" in done.stdout
    assert machine.places.with_wlan.exists()
    assert machine.log_lines()[-6:] == [
        f"stop schoolserver-proxy.service {' '.join(_SOCKETS)}",
        "daemon-reload",
        "enable schoolserver.target schoolserver-supervisor.service schoolserver-certificates.timer",
        "start schoolserver.target",
        "restart schoolserver-firewall.service",
        "restart schoolserver-supervisor.service",
    ]
    assert "WLAN" not in machine.answered("--dry-run").stdout, "it is so already"


def test_what_is_no_longer_named_closes_and_the_rules_go_last(machine):
    write(machine, wlan=True)
    machine.answered()
    write(machine, wlan=False)
    done = machine.answered()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no WLAN is led to the proxy any more" in done.stdout
    assert not machine.places.with_wlan.exists()
    log = machine.log_lines()
    stopped = [f"stop {unit}" for unit in (*_SOCKETS, "schoolserver-proxy.service", "schoolserver-resolver.service")]
    begun = log.index(stopped[0])
    assert log[begun : begun + 5] == [*stopped, "stop schoolserver-firewall.service"]
    assert log[-2:] == ["start schoolserver.target", "restart schoolserver-supervisor.service"]


def test_without_the_package_it_is_refused_and_nothing_changes(machine):
    machine.answered()
    (machine.places.units / "schoolserver-firewall.service").unlink()
    write(machine, wlan=True)
    done = machine.answered()
    assert done.returncode == 2
    assert "wlan_networks needs the package schoolserver-proxy" in done.stderr
    assert not machine.places.with_wlan.exists()


def test_a_power_cut_while_it_closes_is_made_good(machine):
    write(machine, wlan=True)
    machine.answered()
    write(machine, wlan=False)
    machine.answered(cut=("machine.stop", 3))
    assert machine.places.with_wlan.exists(), "nothing says that it is closed before it is"
    assert machine.answered().returncode == 0
    assert not machine.places.with_wlan.exists()
    assert "stop schoolserver-firewall.service" in machine.log_lines()
