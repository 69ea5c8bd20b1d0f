"""Making the Samba domain ready to start: databases, configuration, certificate. Safe to be cut at any moment.

May live here: what is written, and in which order. May not: the text (``render``), what lies in the databases
(``making``, ``hardening``). The order: the databases are made beside their places and renamed, ``private`` last, so
that a ``private`` in its place means that all is whole; what a cut leaves out, the next start makes up for.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import appliance
from appliance.daemon.engine import EngineRefused, swap
from appliance.daemon.identities import Identity
from appliance.daemon.whole_file import sync_folder, write_whole
from appliance.directory.domain.place import PARTS, Domain
from appliance.directory.domain.render import render_config
from appliance.directory.domain.tools import explained, run
from appliance.directory.engine_tools import CannotPrepare
from appliance.policy.account import GroupKind

_PROGRAM = Path(appliance.__file__).resolve().parent.parent
_TIME = "_chrony"
_DAY = 86400  # seconds
_ROOM = 128 << 20  # bytes; a new domain has 40 MiB, and grows while it is made
_SOCKETS = {"pid": 0o755, "ncalrpc": 0o755, "ntp_signd": 0o750}
_WINBIND = Path("/run/samba")
_BESIDE = ("administrator.password", "made-for")


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares ``domain``; ``owners`` has whose each service account's password file is; ``address`` is the server's.

    It runs as root and holds ``lock``, that of the folder.
    """

    domain: Domain
    owners: Mapping[str, Identity]
    address: str
    forwarders: tuple[str, ...]
    lock: int

    def run(self) -> None:
        """Bring everything in place for a start; raise :class:`CannotPrepare`."""
        with self._told():
            self._look_at_the_clock()
            self._make_sockets()
            self._bring_key()
            write_whole(self.domain.folder / "school.names", "\n".join(self.domain.school).encode(), 0o600)
            self.domain.shares.touch(0o600)  # what is included must be there
            self._make_databases()
            self._keep_to_name()
            swap(self.domain.config, self._config(self.domain.folder), _checker, 0o600)
            self._settle()

    def bring_back(self, archive: Path) -> None:
        """Make the databases of Samba's own export if there are none; raise :class:`CannotPrepare`."""
        with self._told():
            self._make_sockets()
            self.domain.shares.touch(0o600)
            if not self.domain.private.exists():
                growing, config = self._growing()
                order = {"archive": str(archive), "into": str(growing), "keep": _BESIDE}
                run(_python("returning", str(config)), self.domain.folder, self.lock, json.dumps(order))
                for name in _BESIDE:
                    (growing / name).rename(self.domain.folder / name)
                self._into_place(growing)
            self._keep_to_name()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except EngineRefused as error:
            raise CannotPrepare(explained(self.domain.folder, error.output or str(error))) from error
        except OSError as error:
            where = Path(os.fsdecode(error.filename)) if error.filename else self.domain.folder
            raise CannotPrepare(explained(where, error.strerror or str(error))) from error

    def _look_at_the_clock(self) -> None:
        """Refuse to serve with a clock that stands in the past: what was changed would lie in the future."""
        written = max((one.stat().st_mtime for one in self.domain.private.glob("sam.ldb.d/*.ldb")), default=0.0)
        if time.time() < written - _DAY:
            raise CannotPrepare(
                f"the clock of this machine says {_date(time.time())}, but the domain was written to on "
                f"{_date(written)}; set the clock (timedatectl)"
            )

    def _config(self, databases: Path) -> str:
        return render_config(self.domain, databases, _PROGRAM, self.forwarders)

    def _make_sockets(self) -> None:
        _WINBIND.mkdir(mode=0o755, exist_ok=True)
        for name, mode in _SOCKETS.items():
            folder = self.domain.runtime / name
            folder.mkdir(mode=0o755, exist_ok=True)
            folder.chmod(mode)
        with contextlib.suppress(KeyError):  # the time service asks there for signatures
            os.chown(self.domain.runtime / "ntp_signd", 0, grp.getgrnam(_TIME).gr_gid)

    def _bring_key(self) -> None:
        """Samba takes a key of mode 0600 only, and ours are 0400."""
        pair = self.domain.tls / "cert.pem"
        if not pair.exists():
            raise CannotPrepare(f"{pair} is missing; schoolserver setup makes it")
        write_whole(self.domain.runtime / "key.pem", (self.domain.tls / "key.pem").read_bytes(), 0o600)

    def _make_databases(self) -> None:
        """Make the databases, once."""
        folder = self.domain.folder
        if self.domain.private.exists():
            return
        growing, config = self._growing()
        password = f"{secrets.token_urlsafe(18)}-Aa1"
        order = {"address": self.address, "password": password}
        run(_python("making", str(config)), folder, self.lock, json.dumps(order))
        write_whole(self.domain.administrator, password.encode(), 0o400)
        write_whole(folder / "made-for", _identity(self.domain).encode(), 0o600)
        self._into_place(growing)

    def _growing(self) -> tuple[Path, Path]:
        """An empty folder with those of the databases, and its smb.conf; what a cut attempt left is thrown away."""
        folder = self.domain.folder
        disk = os.statvfs(folder)
        if disk.f_bavail * disk.f_frsize < _ROOM:
            raise CannotPrepare(f"{folder}: a domain needs {_ROOM >> 20} MiB; the disk is full, make room there")
        growing = folder / "new"
        for left in (growing, *(folder / part for part in PARTS)):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(left)
        for part in ("", *PARTS):
            (growing / part).mkdir(mode=0o700 if part in ("", "private") else 0o755)
        config = growing / "smb.conf"
        write_whole(config, self._config(growing).encode(), 0o600)
        return growing, config

    def _into_place(self, growing: Path) -> None:
        folder = self.domain.folder
        os.sync()
        for part in reversed(PARTS):
            (growing / part).rename(folder / part)
        sync_folder(folder)
        shutil.rmtree(growing)

    def _keep_to_name(self) -> None:
        """Refuse to serve a domain under another name than it was made with: its members would not find it."""
        made_for = (self.domain.folder / "made-for").read_text(encoding="utf-8")
        if made_for != _identity(self.domain):
            raise CannotPrepare(
                f"{self.domain.folder}: the domain was made as {made_for}, the settings ask for "
                f"{_identity(self.domain)}; the domain in school.yaml and the names in domain.yaml stay once it is made"
            )

    def _settle(self) -> None:
        """See that what the school needs is in the databases: folders, rights, service accounts.

        A password is put into the database before it is put into its file, so that a file in its place is true.
        """
        files = self.domain.passwords
        new = {name: f"{secrets.token_urlsafe(32)}-Aa1" for name, path in files.items() if not path.exists()}
        passwords = {name: new.get(name) or path.read_text(encoding="ascii").strip() for name, path in files.items()}
        kinds = [kind.value for kind in GroupKind]
        order = {"base": self.domain.tree.base, "kinds": kinds, "passwords": passwords, "new": list(new)}
        run(_python("settling", str(self.domain.config)), self.domain.folder, self.lock, json.dumps(order))
        for name, password in new.items():
            path, owner = self.domain.passwords[name], self.owners[name]
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, parents=True)
                os.chown(path.parent, owner.uid, owner.gid)
            write_whole(path, password.encode(), 0o400, (owner.uid, owner.gid))
        self._keep()

    def _keep(self) -> None:
        """Group policy and DNS: people log on without them too, and Samba itself tries again every few minutes."""
        try:
            run(_python("keeping", "--settings", str(self.domain.settings)), self.domain.folder, self.lock)
        except CannotPrepare as error:
            print(f"schoolserver domain: group policy and DNS stay as they are: {error}", file=sys.stderr)


def _date(instant: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(instant))


def _identity(domain: Domain) -> str:
    return f"{domain.name}, {domain.workgroup}, {domain.host}"


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return ("/usr/bin/python3", "-P", "-m", f"appliance.directory.domain.{module}", *arguments)


def _checker(candidate: Path) -> tuple[str, ...]:
    return ("/usr/bin/testparm", "-s", "--suppress-prompt", str(candidate))
