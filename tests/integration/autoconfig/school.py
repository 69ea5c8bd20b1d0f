"""A school whose programs ask how they are set up: the service as its unit starts it, and its certificates."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.settings.load import Settings, load
from appliance.settings.names import certified_names
from tests.integration.support_daemon import Daemon
from tests.integration.support_place import AS_ROOT, DOMAIN

LISTENERS = ("http", "https")


class School:
    """``ports`` has the number of each listener; ``daemon`` is the service, not yet started."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, **files: str) -> None:
        self.folder = folder
        sockets = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128)) for name in LISTENERS}
        self.ports = {name: sockets[name].getsockname()[1] for name in LISTENERS}
        self.settings = self.write(**files)
        self.authority = ensure_authority(self.state / "authority", DOMAIN)
        self.owner = Identities(self.settings.server).of("autoconfig")
        self.certify(*certified_names(self.settings, "autoconfig"))
        self.log = folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self._sockets = sockets
        self.daemon = self.listening(*LISTENERS)

    def listening(self, *names: str) -> Daemon:
        """The service, not yet started, with those listeners only."""
        user = {"user": self.owner.uid, "group": self.owner.gid, "extra_groups": []} if AS_ROOT else {}
        handed = {name: self._sockets[name] for name in names}
        return Daemon("appliance.autoconfig", self.settings, self.log, handed, user)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def ca(self) -> Path:
        return self.state / "authority" / "ca.pem"

    @property
    def context(self) -> ssl.SSLContext:
        """What a program trusts that was told of the authority."""
        return ssl.create_default_context(cafile=str(self.ca))

    def write(self, **files: str) -> Settings:
        """Write settings, those of the place and ``files`` (name to text), and load them."""
        place = self.folder / "etc"
        listen = "".join(f"  {name}: 127.0.0.1:{port}\n" for name, port in self.ports.items())
        own = {
            "school": f"name: Grundschule am <Park>\ndomain: {DOMAIN}\n",
            "network": f"listen:\n{listen}",
            "server": f"state: {self.state}\nruntime: {self.folder}/run\ndata: {self.folder}/data\n"
            f"identity: {'numbers' if AS_ROOT else 'same'}\nlauncher: children\n",
        }
        for path in (place, self.state, self.folder / "run", self.folder / "data"):
            path.mkdir(exist_ok=True, mode=0o755)
        (self.folder / "run").chmod(0o777)
        for name, text in {**own, **files}.items():
            (place / f"{name}.yaml").write_text(text)
        return load(place)

    def certify(self, *names: str) -> None:
        """Give the service a certificate of the local authority for ``names`` and this machine."""
        tls = self.state / "autoconfig" / "tls"
        owner = (self.owner.uid, self.owner.gid) if AS_ROOT else None
        issue(self.authority, tls, [*names, "localhost", "127.0.0.1"], owner=owner)
        for path in (tls, tls.parent):
            if AS_ROOT:
                os.chown(path, self.owner.uid, self.owner.gid)
            path.chmod(0o700)

    def url(self, scheme: str, path: str, name: str = f"autoconfig.{DOMAIN}") -> str:
        return f"{scheme}://{name}:{self.ports[scheme]}{path}"


@contextlib.contextmanager
def a_school(**files: str) -> Iterator[School]:
    """A school in a folder of its own, and its end; the service is started by who needs it."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            made = School(folder, stack, **files)
            yield made
            if made.daemon.process is not None:
                made.daemon.stop()
    finally:
        shutil.rmtree(folder)
