"""A Debian host of the box: systemd as PID 1 in a container of its own, on the bridge of the run.

May live here: power on, power cut, reboot, commands, files and the journal. May not: what a school is.
"""

import os
import select
import shlex
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.school.box.disk import Disk
from tests.school.box.network import BRIDGE, Network

BOOT_WITHIN = 120.0
_CLEAN = ("env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb")
_NETWORK_UNIT = """[Unit]
Description=Address of this host on the network of the box
DefaultDependencies=no
Before=network-pre.target network.target network-online.target
Wants=network-pre.target network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -euc '{script}'
[Install]
WantedBy=sysinit.target network-online.target
"""


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit ``code`` and all that it ``said`` (both streams)."""

    code: int
    said: str


class CommandFailed(AssertionError):
    """A command on a host ended otherwise than it should; the text has all that it said."""


class Host:
    """One machine of the box; made switched off."""

    def __init__(self, network: Network, name: str, disk: Disk, addresses: str, routes: str = "") -> None:
        self.name, self._network, self.disk = name, network, disk
        self.address = addresses.split("/")[0]
        self._cgroup = network.cgroup.below(name)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self.environment: dict[str, str] = {}
        """Variables of every command, so that no command line of the tests holds a password."""
        script = f"ip link set host0 up; ip address add {addresses} dev host0"
        script += "".join(f"; ip route add {route} dev host0" for route in routes.split())
        self.write("/etc/systemd/system/box-network.service", _NETWORK_UNIT.format(script=script))
        for target in ("sysinit.target", "network-online.target"):
            self._link(f"/etc/systemd/system/{target}.wants/box-network.service", "../box-network.service")
        self.write("/etc/hostname", f"{name}\n")
        self.write("/etc/machine-id", f"{os.urandom(16).hex()}\n", 0o444)  # without it systemd sees a first boot
        (self._outside("/var/log/journal")).mkdir(exist_ok=True)

    # Power ------------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Switch on; returns when systemd has reached its default target."""
        notes = self.disk.root.parent / "notify"
        notes.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(notes))
            console = (self.disk.root.parent / "console").open("ab")
            self._nspawn = subprocess.Popen(
                (*self._network.entering, "systemd-nspawn", "--quiet", f"--directory={self.disk.root}", "--boot",
                 "--register=no", "--keep-unit", "--console=pipe", f"--network-bridge={BRIDGE}",
                 f"--machine=box-{self.name}", f"--hostname={self.name}", "--resolv-conf=off", "--timezone=off",
                 "--link-journal=no", "--notify-ready=yes", "--settings=no"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "NOTIFY_SOCKET": str(notes), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                preexec_fn=self._cgroup.entering(),
                start_new_session=True,
            )  # fmt: skip
            console.close()
            self._await_ready(told)

    def cut_power(self) -> None:
        """What the disk has not got by now is lost; every process ends at once."""
        assert self._nspawn is not None
        self.disk.cut()
        self._cgroup.kill()
        self._nspawn.wait(BOOT_WITHIN)
        self._cgroup.end()
        self.disk.mount_again()

    def reboot(self) -> None:
        """Shut down in order and boot again."""
        self.shut_down("reboot")
        self.boot()

    def shut_down(self, verb: str = "poweroff") -> None:
        assert self._nspawn is not None
        self.run(f"systemctl --no-block {verb}")
        self._nspawn.wait(BOOT_WITHIN)
        self._cgroup.end()
        self.disk.sync()  # systemd leaves that to whoever runs the container

    # What a person at its keyboard does -------------------------------------------------------------------------

    def run(self, command: str, *, stdin: str = "", timeout: float = 60.0) -> str:
        """Run a shell command as root and give what it said; raise :class:`CommandFailed` when it fails."""
        done = self.attempt(command, stdin=stdin, timeout=timeout)
        if done.code != 0:
            raise CommandFailed(f"{self.name}# {command}\n{done.said}\nexit code {done.code}")
        return done.said

    def attempt(self, command: str, *, stdin: str = "", timeout: float = 60.0) -> Done:
        """The same, whatever the exit code is."""
        done = subprocess.run(
            self.argv(command),
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(errors="replace"))

    def argv(self, command: str) -> tuple[str, ...]:
        """How the machine that tests runs a shell command on this host."""
        given = (f"{name}={value}" for name, value in self.environment.items())
        return ("nsenter", f"--target={self._leader}", "--all", "--", *_CLEAN, *given, "/bin/sh", "-c", command)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Run a command beside the test, with pipes to it."""
        return subprocess.Popen(
            self.argv(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )

    # Files and journal ------------------------------------------------------------------------------------------

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Put a file onto the disk, for good, as root; missing folders are made."""
        target = self._outside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        target.write_bytes(content)
        target.chmod(mode)
        self.disk.sync()

    def copy_in(self, source: Path, path: str, mode: int = 0o644) -> None:
        """Copy a file of the machine that tests onto the disk."""
        self.write(path, source.read_bytes(), mode)

    def enable(self, unit: str, text: str) -> None:
        """Before a boot: put a unit onto the disk that the default target wants."""
        self.write(f"/etc/systemd/system/{unit}", text)
        self._link(f"/etc/systemd/system/multi-user.target.wants/{unit}", f"../{unit}")

    def remove(self, path: str) -> None:
        """Take a file off the disk, if it is there; also while the host is off."""
        self._outside(path).unlink(missing_ok=True)

    def read(self, path: str) -> bytes:
        return self._outside(path).read_bytes()

    def journal(self, *options: str) -> str:
        """The journal of every boot, one message a line; ``options`` as for journalctl."""
        return self.run(shlex.join(("journalctl", "--quiet", "--no-pager", "--output=cat", *options)))

    def _outside(self, path: str) -> Path:
        """No symbolic link on the way may be absolute: it would lead to the machine that tests."""
        return self.disk.outside(self.disk.root) / path.lstrip("/")

    def _link(self, path: str, target: str) -> None:
        link = self._outside(path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def _await_ready(self, told: socket.socket) -> None:
        assert self._nspawn is not None
        ended = os.pidfd_open(self._nspawn.pid)
        deadline = time.monotonic() + BOOT_WITHIN
        try:
            while True:
                ready, _, _ = select.select([told, ended], [], [], max(0.0, deadline - time.monotonic()))
                if told in ready:
                    lines = told.recv(4096).decode().splitlines()
                    found = [line.partition("=")[2] for line in lines if line.startswith("X_NSPAWN_LEADER_PID=")]
                    self._leader = int(found[0]) if found else self._leader
                    if "READY=1" in lines and self._leader:
                        return
                else:
                    raise RuntimeError(f"{self.name} did not boot:\n{self.console()}")
        finally:
            os.close(ended)

    def console(self) -> str:
        """What came on its console."""
        return (self.disk.root.parent / "console").read_text(errors="replace")
