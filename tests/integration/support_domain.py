"""Runs the school's Samba domain in a network of its own: our real program; for the tests of every part. Root only.

``with start_domain(folder) as domain:`` gives a domain whose ports lie in a network namespace, so that many can run
and none meets the machine's own. ``domain.settings`` leads our services to it over a loopback port of the test's own
network, which systemd-socket-proxyd carries inside. Clients of other kinds run inside: ``domain.inside([...])``.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

import pytest

from appliance.daemon.authority import ensure_authority, issue
from appliance.directory.domain.place import PARTS, Domain, domain_of
from appliance.settings.load import Settings, load

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
_CARRIER = ("/usr/lib/systemd/systemd-socket-proxyd", "/lib/systemd/systemd-socket-proxyd")
_HOST, _NAME = "server", "schule.example"

possible = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/sbin/samba").exists(), reason="a domain controller needs root, and Samba"
)

SETTINGS = {
    "school.yaml": f"domain: {_NAME}\n",
    "server.yaml": (
        "state: {folder}/state\nruntime: {folder}/run\ndata: {folder}/srv\nidentity: same\nlauncher: children\n"
    ),
    "directory.yaml": "kind: domain\nuri: ldaps://127.0.0.1:{port}\ntimeout: 5 s\n",
    "domain.yaml": f"host: {_HOST}\n",
}


class Inside:
    """A network, host name and resolver of its own, which ends with :meth:`close`; ``port`` leads to its 636.

    The only process that holds it is the carrier of that port.
    """

    def __init__(self, folder: Path, host: str, name: str) -> None:
        place = folder / "inside"
        place.mkdir(parents=True)
        files = {
            "/etc/resolv.conf": f"nameserver 127.0.0.1\nsearch {name}\n",
            "/etc/hosts": f"127.0.0.1 localhost\n10.9.0.2 {host}.{name} {host}\n",
            "/etc/krb5.conf": _krb5(host, name),
        }
        script = [f"hostname {host}", "ip link set lo up", "ip link add lan type veth peer name far"]
        script += ["ip link set far up", "ip link set lan up"]
        script += ["ip addr add 10.9.0.2/24 dev lan", "ip route add default dev lan"]
        for target, text in files.items():
            source = place / Path(target).name
            source.write_text(text)
            if not Path(target).exists():
                Path(target).touch()
            script.append(f"mount --bind {source} {target}")
        Path("/run/samba").mkdir(exist_ok=True)
        script.append("mount -t tmpfs -o mode=755 samba /run/samba")  # winbindd's socket has no other place
        carrier = next(path for path in _CARRIER if Path(path).exists())
        done, doing = os.pipe()
        script.append(f"echo up >&{doing}; exec {doing}>&-")  # dash knows descriptors up to 9 only
        script.append(f"export LISTEN_PID=$$; exec {carrier} 127.0.0.1:636 3<&0")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            self.port = int(listener.getsockname()[1])
            self.process = subprocess.Popen(
                ["unshare", "--net", "--mount", "--uts", "bash", "-ec", "; ".join(script)],
                stdin=listener,
                env=os.environ | {"LISTEN_FDS": "1"},
                pass_fds=(doing,),
            )
        os.close(doing)
        told = os.read(done, 3)
        os.close(done)
        if told != b"up\n":
            self.close()
            raise AssertionError("no network of its own could be made")

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs ``argv`` inside."""
        return ["nsenter", f"--target={self.process.pid}", "--net", "--mount", "--uts", *argv]

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class RunningDomain:
    """A running domain and how to hurt it. ``settings`` leads clients to it, ``place`` says where its files are."""

    def __init__(self, settings: Settings, inside: Inside, output: IO[bytes] | None = None) -> None:
        self.settings = settings
        self.place: Domain = domain_of(settings)
        self.network = inside
        self.process: subprocess.Popen[bytes] | None = None
        self._output = output

    @property
    def address(self) -> tuple[str, int]:
        """Where its LDAPS port is in the test's own network."""
        return "127.0.0.1", self.network.port

    @property
    def administrator(self) -> str:
        """The password of the domain's Administrator."""
        return self.place.administrator.read_text()

    def program(self, module: str, *arguments: str) -> list[str]:
        """Return the command line of one of our programs inside."""
        folder = str(self.settings.folder)
        argv = ["/usr/bin/python3", "-P", "-m", f"appliance.directory.domain{module}", "--settings", folder, *arguments]
        return self.network.argv(["env", f"PYTHONPATH={ROOT}", *argv])

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            self.program(""),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        ready = subprocess.Popen(self.program(".ready"), stderr=subprocess.PIPE, text=True)
        watched = {os.pidfd_open(process.pid): process for process in (self.process, ready)}
        try:
            ended, _, _ = select.select(list(watched), [], [], DEADLINE)
        finally:
            for descriptor in watched:
                os.close(descriptor)
        if not ended or watched[ended[0]] is self.process or ready.wait() != 0:
            ready.kill()
            code = self.process.poll()
            self.kill()
            told = ready.communicate()[1]
            raise AssertionError(f"the domain did not come up (exit code {code}) {told}")
        ready.communicate()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End all its processes and wait until they are gone."""
        if self.process is None:
            return
        with _members(self.process.pid, self.place.config) as members:
            self._signal(number)
            self._signal(signal.SIGCONT)
            self.process.wait(DEADLINE)
            ended = select.poll()
            for descriptor in members.values():
                ended.register(descriptor, select.POLLIN)
            left, limit = len(members), time.monotonic() + DEADLINE
            while left and time.monotonic() < limit:
                for descriptor, _event in ended.poll(1000):
                    ended.unregister(descriptor)
                    left -= 1
            assert not left, "a process of the domain did not end"
        self.process = None

    def freeze(self) -> None:
        """Let it take connections (the kernel does) and answer nothing, until :meth:`thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def pids(self) -> list[int]:
        """Return all its processes."""
        assert self.process is not None
        with _members(self.process.pid, self.place.config) as members:
            return sorted(members)

    def inside(
        self, argv: Sequence[str], text: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a client inside, with ``text`` as its input, to its end."""
        return subprocess.run(
            self.network.argv(argv),
            input=text,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            env=_environment() | {"KRB5CCNAME": f"FILE:{self.place.folder.parent}/krb5cc"} | dict(environment or {}),
        )

    def _signal(self, number: int) -> None:
        """Send it to all processes, smbd and winbindd included, which have groups of their own."""
        assert self.process is not None
        with _members(self.process.pid, self.place.config) as members:
            for descriptor in members.values():
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)


@contextlib.contextmanager
def start_domain(
    folder: Path,
    output: IO[bytes] | None = None,
    made: bool = True,
    started: bool = True,
    **replaced: str,
) -> Iterator[RunningDomain]:
    """Run a domain until the end, below ``folder`` (whose path must be short); ``domain="..."`` replaces a file.

    ``made``: it starts from a copy of one that was made before, which is quicker; ``{port}`` and ``{folder}`` are
    replaced in the settings.
    """
    folder.chmod(0o711)  # who opens sysvol passes through it
    inside = Inside(folder, _HOST, _NAME)
    domain = None
    try:
        settings = write_settings(folder, inside.port, **replaced)
        domain = RunningDomain(settings, inside, output)
        if made:
            copy_made(domain.place.folder)
        if started:
            domain.start()
        yield domain
    finally:
        if domain is not None:
            domain.kill(signal.SIGTERM)
        inside.close()


def write_settings(folder: Path, port: int, **replaced: str) -> Settings:
    """Write the settings of a domain whose LDAPS port is ``port``, and its certificate."""
    place = folder / "settings"
    place.mkdir(parents=True)
    for name, text in SETTINGS.items():
        wanted = replaced.get(name.removesuffix(".yaml"), text)
        place.joinpath(name).write_text(wanted.replace("{folder}", str(folder)).replace("{port}", str(port)))
    for name in replaced.keys() - {name.removesuffix(".yaml") for name in SETTINGS}:
        place.joinpath(f"{name}.yaml").write_text(replaced[name])
    settings = load(place)
    authority = ensure_authority(settings.server.state / "authority", settings.school.domain)
    domain = domain_of(settings)
    issue(authority, domain.tls, (domain.fqdn, domain.name, "localhost", "127.0.0.1"))
    shutil.copy(settings.server.state / "authority" / "ca.pem", place / "ca.pem")
    return settings


def copy_made(target: Path) -> None:
    """Put the databases of a domain made before into ``target``; the first call of a test session makes it."""
    target.mkdir(parents=True, exist_ok=True)
    source = _made()
    for name in (*PARTS, "made-for", "administrator.password"):
        subprocess.run(["cp", "-a", "--reflink=auto", str(source / name), str(target / name)], check=True)


@cache
def _made() -> Path:
    """Return the folder of a domain that was made and never started; it goes with the test session."""
    place = tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp")
    _keep.append(place)
    with start_domain(Path(place.name), made=False, started=False) as domain:
        done = subprocess.run(domain.program("", "--prepare-only"), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return domain.place.folder


_keep: list[tempfile.TemporaryDirectory[str]] = []  # each removes its folder when the interpreter ends


@contextlib.contextmanager
def _members(session: int, config: Path) -> Iterator[dict[int, int]]:
    """Give each process of ``session``, or begun with ``config``, with a descriptor, which tells when it is gone.

    Smbd's helpers (samba-dcerpcd) have sessions of their own, and outlive it.
    """
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(entry.name)
            if os.getsid(pid) == session or os.fsencode(config) in (entry / "cmdline").read_bytes():
                found[pid] = os.pidfd_open(pid)
    try:
        yield found
    finally:
        for descriptor in found.values():
            os.close(descriptor)


def _environment() -> dict[str, str]:
    """What programs inside inherit: nothing of Kerberos, which is set up there otherwise than outside."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KRB5")}


def _krb5(host: str, name: str) -> str:
    realm = name.upper()
    return (
        f"[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n"
        f"[realms]\n {realm} = {{\n  kdc = 127.0.0.1\n  kpasswd_server = 127.0.0.1\n"
        f"  admin_server = 127.0.0.1\n }}\n"
        f"[domain_realm]\n .{name} = {realm}\n {name} = {realm}\n"
    )
