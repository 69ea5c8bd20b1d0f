"""Who guesses at the domain's own doors waits: real Samba, real firewall, and a PC in a network of its own."""

import contextlib
import os
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.guard.firewall import TABLE
from tests.integration.demo.waiting import eventually
from tests.integration.support_domain import ROOT, RunningDomain, possible, start_domain

pytestmark = [possible, pytest.mark.skipif(not Path("/usr/sbin/nft").exists(), reason="needs nftables")]

FREE = 3
DRIVES = 4
_ADDRESS, _SERVER = "10.9.0.3", "10.9.0.2"
_KRB5 = (
    "[libdefaults]\ndefault_realm = SCHULE.EXAMPLE\ndns_lookup_kdc = false\n"
    f"[realms]\nSCHULE.EXAMPLE = {{\nkdc = {_SERVER}\n}}\n"
)
_DATAGRAM = (
    "import socket, sys\n"
    "line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "line.settimeout(5)\n"
    "line.connect((sys.argv[1], 88))\n"
    "line.send(b'x')\n"
    "line.recv(1)\n"
)
_DRIVES = (
    "import contextlib, socket, sys\n"
    "with contextlib.ExitStack() as stack:\n"
    "    for number in range(9):\n"
    "        try: stack.enter_context(socket.create_connection((sys.argv[1], 445), 5))\n"
    "        except ConnectionRefusedError: break\n"
    "    print(number)\n"
)
_REACH = (
    "import socket, sys\ntry: socket.create_connection((sys.argv[1], 636), 1.0)\nexcept TimeoutError: sys.exit(3)\n"
)


class School:
    """A domain, its guard, and a PC that is reached by nobody else."""

    def __init__(self, domain: RunningDomain, settings: Path, stack: contextlib.ExitStack) -> None:
        self.domain = domain
        self._pc = stack.enter_context(_pc(domain))
        self._settings, self._stack = settings, stack
        self.log = settings / "log"
        self.guard()

    def guard(self) -> None:
        """Start it, and wait until it says that it guards."""
        folder = self._settings.parent
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, self.log.open("ab") as log:
            (folder / "notify").unlink(missing_ok=True)
            told.bind(str(folder / "notify"))
            told.settimeout(30)
            argv = ["/usr/bin/python3", "-P", "-m", "appliance.guard", "--settings", str(self._settings)]
            names = [f"PYTHONPATH={ROOT}", f"NOTIFY_SOCKET={folder}/notify"]
            process = subprocess.Popen(self.domain.network.argv(["env", *names, *argv]), stdout=log, stderr=log)
            self._stack.callback(self._end, process)
            while b"READY=1" not in told.recv(4096):
                pass

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End it; then its table is gone too."""
        process.terminate()
        assert process.wait(10) == 0
        assert self.domain.inside(["/usr/sbin/nft", "list", "table", "inet", TABLE]).returncode != 0

    def guess(self, login: str = "administrator") -> str:
        """Try a wrong password from the PC; what it is told."""
        done = self.at_pc(["kinit", login], text="wrong\n")
        assert done.returncode != 0
        return done.stderr

    def at_pc(self, argv: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", f"--target={self.domain.network.process.pid}", "--mount", "--uts"]
        net = f"--net=/proc/{self._pc}/ns/net"
        krb5 = {"KRB5CCNAME": f"FILE:{self._settings.parent}/cc", "KRB5_CONFIG": str(self._settings / "krb5.conf")}
        return subprocess.run(
            ["nsenter", net, *inside, *argv],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | krb5,
        )

    def reached(self, from_pc: bool = True) -> bool:
        """Whether the domain's LDAPS port lets itself be connected to."""
        argv = ["/usr/bin/python3", "-c", _REACH, _SERVER]
        done = self.at_pc(argv) if from_pc else self.domain.inside(argv)
        assert done.returncode in {0, 3}, done.stderr
        return done.returncode == 0

    def held(self) -> bool:
        return _ADDRESS in self.domain.inside(["/usr/sbin/nft", "list", "set", "inet", TABLE, "held4"]).stdout

    def let_go(self) -> None:
        assert self.domain.inside(["/usr/sbin/nft", "flush", "set", "inet", TABLE, "held4"]).returncode == 0


@contextlib.contextmanager
def _pc(domain: RunningDomain) -> Iterator[int]:
    """Make a network with one PC in it, behind the server's own; gives the process that holds it."""
    ready, tell = os.pipe()
    script = f"echo >&{tell}; read -r _"
    holder = subprocess.Popen(["unshare", "--net", "bash", "-c", script], stdin=subprocess.PIPE, pass_fds=(tell,))
    try:
        os.close(tell)
        assert select.select([ready], [], [], 10)[0]
        assert domain.inside(["ip", "link", "set", "far", "netns", str(holder.pid)]).returncode == 0
        net = ["nsenter", f"--net=/proc/{holder.pid}/ns/net", "ip"]
        for words in ("link set lo up", "link set far up", f"addr add {_ADDRESS}/24 dev far"):
            subprocess.run([*net, *words.split()], check=True)
        yield holder.pid
    finally:
        os.close(ready)
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(10)


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with contextlib.ExitStack() as stack:
            domain = stack.enter_context(start_domain(folder))
            settings = folder / "guarded"
            shutil.copytree(domain.settings.folder, settings)
            (settings / "auth.yaml").write_text(f"address_bar: {FREE}\nfirst_delay: 60 s\nmax_delay: 300 s\n")
            (settings / "fileshare.yaml").write_text(f"connections_per_address: {DRIVES}\n")
            (settings / "krb5.conf").write_text(_KRB5)
            yield School(domain, settings, stack)
    finally:
        shutil.rmtree(folder)


def test_one_pc_has_so_many_connections_to_the_drives_and_no_more(school):
    """Each is a process of Samba's; what is closed makes room again."""

    def opened(there):
        done = there(["/usr/bin/python3", "-c", _DRIVES, _SERVER])
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert opened(school.at_pc) == DRIVES
    eventually(lambda: opened(school.at_pc) == DRIVES, 10)
    assert opened(school.domain.inside) == 8, "the server itself is not bound"


def test_who_guesses_waits_at_every_door_and_nobody_else_does(school):
    for number in range(FREE):
        assert not school.held()
        told = school.guess("administrator" if number else "nobody.here")
        assert "incorrect" in told or "not found" in told
    eventually(school.held)
    assert not school.reached()
    assert school.reached(from_pc=False), "the server itself goes on"
    school.let_go()
    assert school.reached(), "the carer can let him go"
    log = school.log.read_text()
    assert "guesses passwords" in log
    assert _ADDRESS not in log


def test_nobody_waits_for_a_datagram_that_another_sent_in_his_name(school):
    """What bears his address without a connection is not taken; kinit above has gone on over TCP by itself."""
    told = school.at_pc(["/usr/bin/python3", "-c", _DATAGRAM, _SERVER])
    assert "ConnectionRefusedError" in told.stderr


def test_it_outlives_samba(school):
    school.let_go()
    school.domain.kill()
    school.domain.start()

    def guessed() -> bool:
        school.guess()
        return eventually(school.held, 3)

    eventually(guessed, 20)


def test_an_account_is_never_locked(school):
    school.let_go()
    password = school.domain.administrator
    done = school.at_pc(["kinit", "administrator"], text=f"{password}\n")
    assert done.returncode == 0, done.stderr
