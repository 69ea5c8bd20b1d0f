"""A school with real slapd, auth, audit and file service on loopback, each started as its unit starts it."""

from __future__ import annotations

import contextlib
import ftplib
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from appliance.policy.account import Group, GroupKind, Role
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from tests.integration import support_parts
from tests.integration.support_parts import LIMIT, PASSWORD, Parts, person, short_folder

FRED, GINA, FRIDA = "fred.mustermann", "gina.musterfrau", "frida.lehrer"
PROBE = support_parts.PROBE.login
GROUPS = {
    "klasse3a": Group("klasse3a", GroupKind.CLASS, 30001),
    "klasse3b": Group("klasse3b", GroupKind.CLASS, 30002),
    "kollegium": Group("kollegium", GroupKind.STAFF, 30003),
}
PEOPLE = {
    FRED: person(FRED, 20000, Role.PUPIL, groups=("klasse3a",)),
    GINA: person(GINA, 20001, Role.PUPIL, groups=("klasse3b",)),
    FRIDA: person(FRIDA, 20002, Role.TEACHER, groups=("klasse3a", "kollegium")),
}
FILES_YAML = "workers: 1\nidle_timeout: 8 s\nconnections_per_address: 40\nsign_ins_max: 3\n"


class School(Parts):
    """Homes and groups, and the file service ``files``."""

    SERVICE, AUDIENCE = "fileshare", "files"
    PEOPLE = PEOPLE
    GROUPS = GROUPS
    TEACHERS = (2, 20)
    LISTENERS = ("ftp", "ftps")
    FOLDERS: ClassVar = {
        "run/usage/files": (0o755, True),
        "state/fileshare": (0o700, True),
        "srv/homes": (0o711, False),
        "srv/groups": (0o711, False),
    }

    def __init__(self, folder: Path, stack: contextlib.ExitStack, files: Mapping[str, str], limit: int) -> None:
        super().__init__(folder, stack, files, limit)
        for one in (*PEOPLE.values(), support_parts.PROBE):
            Homes(self.data / "homes").make(one.login, one.uid, one.uid)
        for group in GROUPS.values():
            Groups(self.data / "groups").make(group.name, group.gid)
        # Root starts the file service as root: it takes on people's ids by itself.
        self.files = self.service("fileshare", "ftp", "ftps", user={"umask": 0o007})
        self.run(stack, self.files)

    @property
    def port(self) -> int:
        return self.ports["ftp"]

    def home(self, login: str) -> Path:
        return self.data / "homes" / login

    def group(self, name: str) -> Path:
        return self.data / "groups" / name

    @contextlib.contextmanager
    def ftp(self, login: str | None = FRED, password: str = PASSWORD, protect: bool = True) -> Iterator[ftplib.FTP_TLS]:
        """A file program, signed in unless ``login`` is ``None``."""
        with ftplib.FTP_TLS(context=self.context, timeout=20) as client:
            client.connect("127.0.0.1", self.port)
            if login is not None:
                client.login(login, password)
                if protect:
                    client.prot_p()
            yield client

    def lftp(self, url: str, commands: str, stderr: bool = False) -> str:
        """Let lftp do ``commands`` as FRED at ``url``; give what it says, with ``stderr`` what it complains of too."""
        program = (
            f"set ssl:ca-file {self.ca}; set ssl:check-hostname no; set ftp:ssl-force yes; "
            "set ftp:ssl-protect-data yes; set net:max-retries 1; set net:timeout 10; "
            f"open -u {FRED},{PASSWORD} {url}; {commands}; quit"
        )
        done = _run("lftp", "--norc", "-c", program)
        return done.stdout + done.stderr if stderr else done.stdout

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Let curl do ``arguments`` as FRED."""
        return _run("curl", "-sS", "--cacert", str(self.ca), "--user", f"{FRED}:{PASSWORD}", *arguments)


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    return done


def said(client: ftplib.FTP) -> str:
    """What the server says next, by itself or in answer."""
    try:
        return client.getresp()
    except ftplib.Error as reply:
        return str(reply)


def answer(client: ftplib.FTP, command: str) -> str:
    client.putcmd(command)
    return said(client)


@contextlib.contextmanager
def start_school(limit: int = LIMIT, place: str = "/tmp", **settings: str) -> Iterator[School]:
    """Run a school below ``place`` until the end; ``settings`` are files by name, such as ``fileshare``."""
    with short_folder(place) as (folder, stack):
        yield School(folder, stack, {"fileshare": FILES_YAML, **settings}, limit)
