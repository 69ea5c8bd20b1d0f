"""A school's networks as namespaces: the server between its WLAN, a room of PCs, and somebody outside. Root only.

The server forwards packets, as the worst case has it: without rules of ours the phone would reach everybody. Nothing
leaves these namespaces; 8.8.8.8 is an address of the one who is outside. ``with networks() as school:`` gives all four.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.integration.demo.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
SERVER, PHONE, PC, OUTSIDE = "10.1.64.1", "10.1.64.9", "10.1.12.9", "8.8.8.8"
SERVER6, PHONE6, PC6, OUTSIDE6 = "fd12:1:1:64::1", "fd12:1:1:64::9", "fd12:1:1:12::9", "2001:db8::8"
SETTINGS = {
    "server.yaml": (
        "state: {folder}/state\nruntime: {folder}/run\ndata: {folder}/srv\nidentity: same\nlauncher: children\n"
    ),
    "network.yaml": (
        "networks: [10.1.0.0/16, 'fd12:1:1::/48']\n"
        "wlan_networks: [10.1.64.0/18, 'fd12:1:1:64::/64']\n"
        "rooms: {'12': [10.1.12.0/24]}\n"
        "listen:\n  transparent-http: '[::]:3130'\n  transparent-tls: '[::]:3131'\n  dns: '[::]:3153'\n"
    ),
    "proxy.yaml": "unnamed: ['8.8.8.8:5223']\n",
}
_LINKS = {
    "wlan": ("10.1.64", "fd12:1:1:64"),
    "room": ("10.1.12", "fd12:1:1:12"),
    "away": ("203.0.113", "2001:db8:1"),
}
_DEADLINE = 20.0
_OWN_FOLDER = 0x200  # CLONE_FS, and CLONE_NEWNET and CLONE_NEWNS: sched.h
_NAMESPACES = (("net", 0x40000000), ("mnt", 0x20000))
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


class Host:
    """A machine that is a network namespace, and files of its own where some are mounted; it ends with :meth:`end`."""

    def __init__(self, mounts: Mapping[Path, Path] | None = None) -> None:
        binds = [f"mount --bind {source} {target}" for target, source in (mounts or {}).items()]
        script = " && ".join(["ip link set lo up", *binds, "echo up", "read -r _"])
        argv = ["unshare", "--net", "--mount", "sh", "-c", script]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"up\n", "the namespace could not be made"

    def argv(self, *argv: str) -> list[str]:
        return ["nsenter", f"--target={self.process.pid}", "--net", "--mount", *argv]

    def run(self, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*argv), input=text, capture_output=True, text=True, timeout=_DEADLINE, check=False
        )

    def within(self, work: Callable[[], T]) -> T:
        """Do ``work`` here: sockets that it makes and programs that it starts are of this machine and stay so."""
        with ThreadPoolExecutor(1) as thread:  # namespaces are a thread's own
            thread.submit(self._enter).result()
            return thread.submit(work).result()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be here meanwhile with this thread, and with all that it starts."""
        before = Path.cwd()
        with contextlib.ExitStack() as stack:
            for name, kind in _NAMESPACES:
                place = stack.enter_context(Path(f"/proc/thread-self/ns/{name}").open())
                stack.callback(os.chdir, before)
                stack.callback(lambda place=place, kind=kind: _done(_libc.setns(place.fileno(), kind)))
            self._enter()
            os.chdir(before)
            yield

    def _enter(self) -> None:
        _done(_libc.unshare(_OWN_FOLDER))
        for name, kind in _NAMESPACES:
            with Path(f"/proc/{self.process.pid}/ns/{name}").open() as place:
                _done(_libc.setns(place.fileno(), kind))

    def must(self, *lines: str) -> None:
        """Run lines of the shell, all of which have to go well."""
        done = self.run("sh", "-e", "-c", "\n".join(lines))
        assert done.returncode == 0, done.stderr

    def ask(self, *questions: str) -> list[dict[str, Any]]:
        """What a client here meets at each of ``questions`` (``tcp 8.8.8.8 443``), asked one after the other."""
        done = self.run("/usr/bin/python3", str(ROOT / "tests/integration/wlan/client.py"), *questions)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def met(self, question: str) -> str:
        """``refused``, ``silence``, ``unreachable``, or the port of the server that has answered."""
        (answer,) = self.ask(question)
        return str(answer["met"])

    def end(self) -> None:
        self.process.communicate(timeout=_DEADLINE)


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "a thread could not enter a namespace")


def host_with_names(folder: Path, names: Mapping[str, Iterable[str]]) -> Host:
    """A machine that knows the addresses of ``names`` by files in ``folder``; its nameserver is one that nobody is."""
    hosts, resolv = folder / "hosts", folder / "resolv.conf"
    lines = [f"{address} {name}\n" for name, addresses in names.items() for address in addresses]
    hosts.write_text("".join(["127.0.0.1 localhost\n", *lines]))
    resolv.write_text("nameserver 192.0.2.1\n")
    for path in (hosts, resolv):
        path.chmod(0o644)
    return Host({Path("/etc/hosts"): hosts, Path("/etc/resolv.conf"): resolv})


class Running:
    """Our program ``module`` on ``host``; its log, and what it has told whoever started it. It ends with :meth:`end`.

    ``ready``: it says when it serves, which is waited for.
    """

    def __init__(self, host: Host, module: str, settings: Path, *, ready: bool = True) -> None:
        self.log, told_at = settings.parent / f"{module}.log", settings.parent / f"{module}.notify"
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told_at.unlink(missing_ok=True)
        self._told.bind(str(told_at))
        self._told.settimeout(_DEADLINE)
        names = [f"PYTHONPATH={ROOT}", *([f"NOTIFY_SOCKET={told_at}"] if ready else [])]
        argv = ["env", *names, "/usr/bin/python3", "-P", "-m", module, "--settings", str(settings)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(host.argv(*argv), stdout=log, stderr=log)
        if ready:
            self.told("READY=1")

    def told(self, wanted: str) -> str:
        """Wait until it tells ``wanted``; that message."""
        while True:
            message = self._told.recv(4096).decode()
            if wanted in message:
                return message

    def end(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(_DEADLINE)
        finally:
            self.process.kill()
            self._told.close()


@dataclass(frozen=True)
class Networks:
    server: Host
    phone: Host
    pc: Host
    outside: Host

    def load(self, text: str) -> None:
        done = self.server.run("nft", "-f", "-", text=text)
        assert done.returncode == 0, done.stderr


def write_settings(folder: Path, **more: str) -> Path:
    """Write settings for the server of these networks below ``folder``, with ``more`` by file; where they are."""
    place = folder / "etc"
    place.mkdir(exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    for name, text in {**SETTINGS, **{f"{name}.yaml": text for name, text in more.items()}}.items():
        (place / name).write_text(text.replace("{folder}", str(folder)))
    return place


@contextlib.contextmanager
def listening(host: Host, *ports: str) -> Iterator[None]:
    """Somebody answers at each of ``ports`` (``tcp:443``) of every address of ``host``."""
    argv = host.argv("/usr/bin/python3", str(ROOT / "tests/integration/wlan/listener.py"), *ports)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        yield
    finally:
        process.terminate()
        process.communicate(timeout=_DEADLINE)


@contextlib.contextmanager
def networks(mounts: Mapping[Path, Path] | None = None) -> Iterator[Networks]:
    """All four hosts with addresses and routes; ``mounts``: places of the server's own files, and what lies there."""
    with contextlib.ExitStack() as stack:

        def host(mounts: Mapping[Path, Path] | None = None) -> Host:
            made = Host(mounts)
            stack.callback(made.end)
            return made

        made = Networks(host(mounts), host(), host(), host())
        for (link, (four, six)), other in zip(_LINKS.items(), (made.phone, made.pc, made.outside), strict=True):
            made.server.must(
                f"ip link add {link} type veth peer name far",
                f"ip link set far netns {other.process.pid}",
                f"ip addr add {four}.1/{18 if link == 'wlan' else 24} dev {link}",
                f"ip addr add {six}::1/64 dev {link} nodad",
                f"ip link set {link} up",
            )
            other.must(
                f"ip addr add {four}.9/{18 if link == 'wlan' else 24} dev far",
                f"ip addr add {six}::9/64 dev far nodad",
                "ip link set far up",
                f"ip route add default via {four}.1",
                f"ip -6 route add default via {six}::1 dev far",
            )
        made.outside.must("ip addr add 8.8.8.8/32 dev lo", "ip addr add 2001:db8::8/128 dev lo nodad")
        made.server.must(
            "ip route add default via 203.0.113.9",
            "ip -6 route add default via 2001:db8:1::9 dev away",
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
            "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
        )
        for one in (made.phone, made.pc):  # links come up, and neighbours find each other, a moment later
            for address in (OUTSIDE, OUTSIDE6):
                eventually(lambda one=one, address=address: one.met(f"udp {address} 9") == "refused", _DEADLINE)
        yield made
