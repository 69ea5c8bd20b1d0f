"""Making the embedded slapd ready to start: configuration, database, service accounts. Safe to be cut at any moment.

May live here: what is written, and in which order. May not: the texts (``render``), running slapd's tools (``tools``).
The order: the database is made beside its place and renamed, so that a database in its place is whole; a password is
put into the database before it is put into its file, so that a file in its place is true. What a cut leaves out, the
next start makes up for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.engine import EngineRefused, swap
from appliance.daemon.identities import Identity
from appliance.daemon.whole_file import sync_folder, write_whole
from appliance.directory.engine_tools import CannotPrepare
from appliance.directory.slapd.embedded import SERVICES, Embedded
from appliance.directory.slapd.render import INDEXES, render_config, render_tree
from appliance.directory.slapd.tools import Tools, explained


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares ``server``, whose files are ``own``'s; ``owners`` has whose each service account's password file is.

    Only root can give files away: for any other caller everything stays his. ``tools`` holds the lock of the folder.
    """

    server: Embedded
    own: Identity
    owners: Mapping[str, Identity]
    tools: Tools

    def run(self) -> None:
        """Bring everything in place for a start; raise :class:`CannotPrepare`."""
        with self._told():
            self._make_database(render_tree(self.server))
            self._keep_to_base()
            check = self.tools.argv("slaptest", "-u", "-f")
            config = render_config(self.server, self.server.database)
            swap(self.server.config, config, lambda candidate: (*check, str(candidate)), 0o600, _given_to(self.own))
            self.tools.run("slaptest", "-f", str(self.server.config))
            self._bring_indexes_up_to_date()
            for name in SERVICES:
                self._make_password(name)

    def bring_back(self, entries: str) -> None:
        """Make the database of ``entries`` (LDIF, as slapcat gave it) if there is none; raise `CannotPrepare`."""
        with self._told():
            self._make_database(entries)
            self._keep_to_base()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except EngineRefused as error:
            raise CannotPrepare(explained(self.server.folder, error.output or str(error))) from error
        except OSError as error:
            where = Path(os.fsdecode(error.filename)) if error.filename else self.server.folder
            raise CannotPrepare(explained(where, error.strerror or str(error))) from error

    def _make_database(self, entries: str) -> None:
        """Make it of its first ``entries``, once; what an earlier, cut attempt left is thrown away."""
        folder = self.server.folder
        if self.server.database.exists():
            return
        growing, config = folder / "db.new", folder / "db.new.conf"
        if growing.exists():
            shutil.rmtree(growing)
        growing.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(growing, self.own.uid, self.own.gid)
        self._write(config, render_config(self.server, growing))
        self.tools.run("slapadd", "-q", "-f", str(config), text=entries)
        self._write(folder / "base", self.server.tree.base)
        config.unlink()
        growing.rename(self.server.database)
        sync_folder(folder)

    def _keep_to_base(self) -> None:
        """Refuse to serve a database under another name than it was made with: it would look empty."""
        made_for = (self.server.folder / "base").read_text(encoding="utf-8")
        if made_for != self.server.tree.base:
            raise CannotPrepare(
                f"{self.server.folder}: the database is for {made_for}, the settings ask for {self.server.tree.base}; "
                "the domain in school.yaml and the base in directory.yaml stay once accounts exist"
            )

    def _bring_indexes_up_to_date(self) -> None:
        """Make the indexes anew when they are not the configuration's: a search would silently find too little."""
        wanted, note = "\n".join(INDEXES), self.server.folder / "indexes"
        if not note.exists() or note.read_text(encoding="utf-8") != wanted:
            self.tools.run("slapindex", "-f", str(self.server.config))
            self._write(note, wanted)

    def _make_password(self, name: str) -> None:
        """Give the service account ``name`` a new password if there is no file with one.

        Slapd's own user cannot look into another service's folder: there root has done this before (--prepare-only).
        """
        path, owner = self.server.passwords[name], self.owners[name]
        if os.geteuid() not in (0, owner.uid) or path.exists():
            return
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True)
            if os.geteuid() == 0:
                os.chown(path.parent, owner.uid, owner.gid)
        password = secrets.token_urlsafe(32)
        change = f"dn: {self.server.tree.service(name)}\nchangetype: modify\nreplace: userPassword\n"
        self.tools.run("slapmodify", "-f", str(self.server.config), text=f"{change}userPassword: {_hashed(password)}\n")
        write_whole(path, password.encode(), 0o400, _given_to(owner))

    def _write(self, path: Path, text: str) -> None:
        write_whole(path, text.encode(), 0o600, _given_to(self.own))


def _hashed(password: str) -> str:
    """Hash as {SSHA}: 256 random bits need no slow hash, and every new connection of a service would pay for it."""
    salt = secrets.token_bytes(16)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _given_to(identity: Identity) -> tuple[int, int] | None:
    return (identity.uid, identity.gid) if os.geteuid() == 0 else None
