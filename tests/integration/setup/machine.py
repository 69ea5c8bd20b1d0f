"""A machine in a folder, for setup as a real process: units of the packages, systemd's memory as files.

As a script: ``machine.py FOLDER [--cut EVENT NUMBER | --break EVENT NUMBER] -- SETUP ARGUMENTS``. With ``--cut`` the
process ends itself by SIGKILL at that many of these audit events (Python's, just before a system call, or
machine.VERB), as a power cut; with ``--break`` it gets the SIGINT of Ctrl-C there.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from appliance.cli import setup_talk
from appliance.cli.setup import setup
from appliance.daemon.identities import Identities
from appliance.settings.load import load
from appliance.setup.places import Places
from appliance.supervisor.launcher import folders
from appliance.supervisor.launcher.client import ChildrenClient
from appliance.supervisor.launcher.units import school_units
from tests.integration.support_ports import free_port

ROOT = Path(__file__).resolve().parents[3]
UNITS = (
    "audit",
    "privileged",
    "directory",
    "ldap-port",
    "auth",
    "supervisor",
    "mail",
    "outbound",
    "imap",
    "autoconfig",
    "proxy",
    "fileshare",
)
LISTENERS = (
    "submission",
    "submissions",
    "smtp",
    "imap",
    "imaps",
    "ftp",
    "ftps",
    "ldap",
    "proxy",
    "proxy-tls",
    "http",
    "https",
)


class Machine:
    """Meets the seam of ``appliance.setup.system``; what was done to it stands in files and in ``log``."""

    def __init__(self, top):
        self.top = Path(top)
        layout = {"state": self.top / "var", "runtime": self.top / "run", "data": self.top / "srv"}
        identity = "numbers" if os.geteuid() == 0 else "same"
        layout |= {"identity": identity, "launcher": "children"}
        shipped = ROOT / "etc" / "schoolserver"
        systemd, resolver = self.top / "systemd", self.top / "resolv.conf"
        self.places = Places(self.top / "etc", self.top / "units", systemd, resolver, shipped, (), layout)
        self.memory = self.top / "memory"

    def install(self, units=UNITS):
        """What the packages do, and a first server.yaml and network.yaml for a place of its own."""
        for folder in (self.places.settings, self.places.units, self.places.overrides, self.memory, self.top / "var"):
            folder.mkdir(mode=0o755)
        for unit in units:
            (self.places.units / f"schoolserver-{unit}.service").touch()
        for name in ("schoolserver.target", "schoolserver-certificates.timer", "schoolserver-backup.socket"):
            (self.places.units / name).touch()
        server = "".join(f"{key}: {value}\n" for key, value in self.places.layout.items())
        (self.places.settings / "server.yaml").write_text(f"# by hand\n{server}")
        listen = "".join(f"  {name}: 127.0.0.1:{free_port()}\n" for name in LISTENERS)
        (self.places.settings / "network.yaml").write_text(f"listen:\n{listen}")

    def ask(self, verb, unit):
        if verb == "is-active" and (self.top / "pid").exists():
            return unit.startswith("schoolserver-")
        return (self.memory / f"{unit}.{verb}").exists()

    def do(self, verb, *units):
        sys.audit(f"machine.{verb}")
        self.note(verb, *units)
        for unit in units:
            enabled, active = (self.memory / f"{unit}.{state}" for state in ("is-enabled", "is-active"))
            {"enable": enabled.touch, "start": active.touch}.get(verb, lambda: None)()
            if verb in ("disable", "stop"):
                (enabled if verb == "disable" else active).unlink(missing_ok=True)
        if verb == "start":
            return self.boot()
        if verb == "reload" and (self.top / "pid").exists():
            client = ChildrenClient(self.top / "run" / "launcher" / "launcher.sock")
            for unit in units:
                client.reload(unit.removeprefix("schoolserver-").removesuffix(".service"))
            client.close()
        return True

    def folders(self):
        """What systemd-tmpfiles makes of the packages' table."""
        self.note("folders")
        settings = load(self.places.settings)
        identities = Identities(settings.server)
        for unit in school_units(settings):
            for folder in unit.folders:
                group = folder.group if folder.group in ("services", "admin") else None
                gid = identities.group(group) if group else identities.of(folder.group).gid
                folders.make(folder, (identities.of(folder.owner).uid, gid))

    def join(self, login):
        self.note("join", login)

    def note(self, *words):
        with (self.top / "log").open("a") as log:
            print(*words, file=log)

    def boot(self):
        """Start the real server where the test asked for one: the launcher plays systemd's part."""
        if not (self.top / "with-server").exists():
            return False
        argv = [sys.executable, "-m", "appliance.supervisor.launcher", "--settings", str(self.places.settings)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if not (self.top / "pid").exists():
            log = (self.top / "launcher.log").open("ab")
            started = subprocess.Popen(argv, cwd="/", env=environment, stdout=log, stderr=log, start_new_session=True)
            (self.top / "pid").write_text(str(started.pid))
        return True


def signal_at(event, number, sent):
    """Send this process ``sent`` at the ``number``-th ``event`` from now."""
    left = number

    def watch(what, _arguments):
        nonlocal left
        if what == event:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), sent)

    sys.addaudithook(watch)


def main():
    ours, theirs = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    machine = Machine(ours[0])
    setup_talk.machine = lambda: (machine.places, machine)
    for option, sent in (("--cut", signal.SIGKILL), ("--break", signal.SIGINT)):
        if option in ours:
            place = ours.index(option)
            signal_at(ours[place + 1], int(ours[place + 2]), sent)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
    setup(theirs, prog_name="schoolserver setup")


if __name__ == "__main__":
    main()
