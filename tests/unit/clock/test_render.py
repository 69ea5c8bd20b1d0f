"""The text of chrony's configuration."""

from ipaddress import ip_network
from pathlib import Path

from appliance.clock.render import Clock, render, sources_of

GOLDEN = Path(__file__).with_name("golden") / "chrony.conf"
MACHINE = """\
# A comment, server x
confdir /etc/chrony/conf.d
pool 2.debian.pool.ntp.org iburst
sourcedir  /run/chrony-dhcp
allow 0/0
driftfile /var/lib/chrony/chrony.drift
leapsectz right/UTC
"""


def clock(*networks: str) -> Clock:
    state, runtime = Path("/var/lib/schoolserver/time"), Path("/run/schoolserver/time")
    signer = Path("/run/schoolserver/domain/ntp_signd")
    allowed = tuple(ip_network(network) for network in networks)
    return Clock(sources_of(["ptbtime1.ptb.de"], MACHINE), allowed, signer, state, runtime, "_chrony")


def test_it_is_what_the_golden_file_says() -> None:
    assert render(clock("10.1.0.0/16", "fd12:3456:789a::/48")) == GOLDEN.read_text()


def test_without_a_network_nobody_but_the_machine_itself_is_answered() -> None:
    allowed = [line for line in render(clock()).splitlines() if line.startswith("allow")]
    assert allowed == ["allow 127.0.0.1"]


def test_whom_the_machine_asks_is_taken_over_and_whom_it_answers_is_not() -> None:
    assert sources_of((), MACHINE) == (
        "pool 2.debian.pool.ntp.org iburst",
        "sourcedir /run/chrony-dhcp",
        "leapsectz right/UTC",
    )
    assert sources_of((), "") == ("pool 2.debian.pool.ntp.org iburst",)
    assert sources_of(["10.1.0.1", "ptbtime1.ptb.de"], MACHINE) == (
        "server 10.1.0.1 iburst",
        "server ptbtime1.ptb.de iburst",
    )
