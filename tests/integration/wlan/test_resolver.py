"""Names for the WLAN: the real dnsmasq with our configuration, asked by a phone that meant to ask others."""

import shutil
import subprocess

import pytest

from appliance.daemon.forwarders import RESOLVERS
from appliance.firewall.render import TABLE
from tests.integration.demo.waiting import eventually
from tests.integration.wlan.conftest import POSSIBLE
from tests.integration.wlan.networks import (
    OUTSIDE,
    OUTSIDE6,
    PC,
    ROOT,
    SERVER,
    SERVER6,
    Running,
    listening,
    networks,
    write_settings,
)

pytestmark = pytest.mark.skipif(not POSSIBLE or not shutil.which("dnsmasq"), reason="needs root, nftables and dnsmasq")

_OUTSIDE = """\
port=53
no-resolv
no-hosts
listen-address=203.0.113.9
bind-interfaces
address=/site.example/93.184.216.34
address=/inward.example/10.1.12.9
address=/intranet.schule.example/10.1.12.9
address=/use-application-dns.net/93.184.216.34
address=/mask.icloud.com/93.184.216.34
dns-rr=site.example,65,000100
dns-rr=site.example,64,000100
txt-record=site.example,hello
pid-file
"""
_DOMAIN = """\
port=53
no-resolv
no-hosts
listen-address=127.0.0.1
bind-interfaces
address=/pc7.schule.example/10.1.12.7
pid-file
"""


class Names:
    """The networks with somebody who knows names outside, and our resolver behind our rules."""

    def __init__(self, school, folder):
        self.school, self.folder = school, folder
        self.others = []
        self.firewall = Running(school.server, "appliance.firewall", write_settings(folder))
        self.resolver = None
        self.know(school.outside, _OUTSIDE)

    def know(self, host, text):
        path = self.folder / f"other{len(self.others)}.conf"
        path.write_text(text)
        argv = host.argv("dnsmasq", "--keep-in-foreground", "--user=root", f"--conf-file={path}")
        self.others.append(subprocess.Popen(argv))

    def start(self, **settings):
        if self.resolver is not None:
            self.resolver.end()
        self.resolver = Running(
            self.school.server, "appliance.resolver", write_settings(self.folder, **settings), ready=False
        )
        eventually(lambda: self.ask("use-application-dns.net")[0] == "NXDOMAIN")

    def ask(self, name, kind="A", at=OUTSIDE, host=None, *more):
        """The status of the answer, and what is in it."""
        argv = ["dig", "+time=2", "+tries=1", "+noall", "+comments", "+answer", *more, f"@{at}", name, kind]
        said = (host or self.school.phone).run(*argv).stdout
        status = said.partition("status: ")[2].partition(",")[0]
        rows = [line.split(None, 4)[4] for line in said.splitlines() if line and not line.startswith(";")]
        return status, rows

    def probe(self):
        """What the supervisor's probe says; the blamed unit stands before it."""
        script = (
            "import sys\n"
            "from pathlib import Path\n"
            "from appliance.daemon.secret import Secret\n"
            "from appliance.settings.load import load\n"
            "from appliance.supervisor.probe import ProbeFailed, Visitor\n"
            "from appliance.supervisor.probe_resolver import probe_resolver\n"
            "try: probe_resolver(Visitor(load(Path(sys.argv[1])), 'probe', Secret('x'), 2.0, Path('/')))\n"
            "except ProbeFailed as failed: print(f'{failed.unit}: {failed.text}')\n"
            "else: print('right')\n"
        )
        argv = ["env", f"PYTHONPATH={ROOT}", "/usr/bin/python3", "-c", script, str(self.folder / "etc")]
        return self.school.server.run(*argv).stdout.strip()

    def end(self):
        for running in (self.resolver, self.firewall):
            if running is not None:
                running.end()
        for other in self.others:
            other.terminate()
            other.wait(10)


def _files(folder):
    """Folders of the server's own: what says whom it asks is watched, by its folder."""
    knows_best, machine = RESOLVERS
    own, empty = folder / "machine", folder / "empty"
    empty.mkdir()
    shutil.copytree(machine.parent, own, symlinks=True)
    (own / machine.name).unlink(missing_ok=True)
    (own / machine.name).write_text("nameserver 203.0.113.9\n")
    return {machine.parent: own, **({knows_best.parent: empty} if knows_best.parent.exists() else {})}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    with networks(_files(folder)) as school:
        made = Names(school, folder)
        try:
            made.start()
            yield made
        finally:
            made.end()


@pytest.mark.parametrize("at", [OUTSIDE, OUTSIDE6, SERVER, SERVER6, PC])
@pytest.mark.parametrize(
    "name", ["use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com", "x.mask.icloud.com"]
)
def test_names_by_which_devices_choose_another_dns_do_not_exist(names, at, name):
    assert names.ask(name, "A", at) == ("NXDOMAIN", [])
    assert names.ask(name, "AAAA", at) == ("NXDOMAIN", [])


def test_they_do_where_nobody_led_the_question_here(names):
    assert names.ask("mask.icloud.com", at="203.0.113.9", host=names.school.pc) == ("NOERROR", ["93.184.216.34"])


@pytest.mark.parametrize("more", [(), ("+tcp",)])
def test_other_names_are_asked_of_whom_the_machine_asks(names, more):
    assert names.ask("site.example", "A", OUTSIDE, None, *more) == ("NOERROR", ["93.184.216.34"])
    assert names.ask("site.example", "TXT", OUTSIDE, None, *more) == ("NOERROR", ['"hello"'])


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_hosts_at_which_search_is_made_safe_share_an_address_with_no_others(names, kind):
    said = {host: names.ask(host, kind) for host in ("www.google.com", "google.de", "www.youtube.com")}
    assert {status for status, _rows in said.values()} == {"NOERROR"}
    assert said["www.google.com"] == said["google.de"] != said["www.youtube.com"]
    assert all(len(rows) == 1 for _status, rows in said.values())
    assert names.ask("mail.google.com", kind) not in said.values(), "nothing below them is meant"


@pytest.mark.parametrize("kind", ["TYPE65", "TYPE64", "ANY"])
@pytest.mark.parametrize("more", [(), ("+tcp",)])
def test_keys_that_would_hide_the_name_of_a_site_are_left_out(names, kind, more):
    asked = names.ask("site.example", kind, "203.0.113.9", names.school.pc)
    assert asked[1] or kind == "ANY", "the one outside has them"
    assert names.ask("site.example", kind, OUTSIDE, None, *more) == ("NOERROR", [])


def test_nobody_announces_encrypted_dns(names):
    assert names.ask("_dns.resolver.arpa", "TYPE64")[0] == "NXDOMAIN"


def test_a_name_outside_leads_nobody_inside(names):
    assert names.ask("inward.example") == ("NOERROR", [])
    assert names.ask("intranet.schule.example") == ("NOERROR", [PC])


def test_the_servers_names_lead_to_its_addresses_in_the_wlan(names):
    assert names.ask("mail.schule.example") == ("NOERROR", [SERVER])
    assert names.ask("autoconfig.schule.example", "AAAA") == ("NOERROR", [SERVER6])


def test_the_pcs_get_no_answer_here(names):
    told = names.school.pc.run("dig", "+time=1", "+tries=1", "-p", "3153", f"@{SERVER}", "site.example")
    assert "connection refused" in told.stdout


def test_whom_the_machine_asks_may_change(names):
    asked = names.folder / "machine" / "resolv.conf"
    before = asked.read_text()
    try:
        asked.write_text("nameserver 203.0.113.200\n")
        eventually(lambda: names.ask("never-asked-before.site.example")[0] == "")
        asked.write_text(before)
        eventually(lambda: names.ask("site.example")[0] == "NOERROR")
    finally:
        asked.write_text(before)


def test_with_a_domain_its_names_are_asked_of_it(names):
    names.know(names.school.server, _DOMAIN)
    try:
        names.start(directory="kind: domain\n", domain="host: server\ndns_forwarders: [203.0.113.9]\n")
        eventually(lambda: names.ask("pc7.schule.example") == ("NOERROR", ["10.1.12.7"]))
        assert names.ask("site.example") == ("NOERROR", ["93.184.216.34"])
    finally:
        names.start(directory="", domain="")


def test_the_probe_asks_as_a_phone_does(names):
    said = names.probe()
    assert said == "right"
    names.resolver.end()
    assert names.probe().startswith("resolver: DNS of the WLAN: no answer; is port 3153 taken")
    names.resolver = None
    with listening(names.school.server, "udp:3153"):
        assert names.probe().startswith("resolver: DNS of the WLAN: no answer"), "who talks nonsense gives none"
    names.start()


def test_it_runs_without_any_right_of_roots_and_says_no_name(names):
    assert names.ask("inward.example") == ("NOERROR", [])
    assert names.resolver.log.read_text() == ""


def test_a_port_that_is_taken_is_told(names, tmp_path):
    settings = write_settings(tmp_path)
    second = Running(names.school.server, "appliance.resolver", settings, ready=False)
    assert second.process.wait(10) != 0
    assert "Address already in use" in second.log.read_text()


def test_a_device_that_floods_loses_its_own_questions(names):
    """The other questions of that device wait a moment; nobody else's."""
    flood = (
        "import socket\n"
        "line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"line.connect(('{OUTSIDE}', 53))\n"
        "question = bytes.fromhex('000101000001000000000000') + b'\\4site\\7example\\0' + bytes.fromhex('00010001')\n"
        "for _ in range(3000): line.send(question)\n"
    )
    names.school.phone.must("ip addr add 10.1.64.10/32 dev far")
    done = names.school.phone.run("/usr/bin/python3", "-c", flood)
    assert done.returncode == 0, done.stderr
    rules = names.school.server.run("nft", "list", "chain", "inet", TABLE, "server").stdout
    rule = next(line for line in rules.splitlines() if "@asking4" in line)
    assert int(rule.rpartition("counter packets ")[2].split()[0]) > 1000
    status, rows = names.ask("site.example", "A", OUTSIDE, None, "-b", "10.1.64.10")
    assert (status, rows) == ("NOERROR", ["93.184.216.34"])
