"""Settings below a short folder, and the real launcher over some of the real units, or all; for tests of every part.

May live here: starting, looking at and ending what runs. May not: accounts, and whatever else needs a supervisor.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import yaml

from appliance.daemon import authority
from appliance.daemon.identities import Identities
from appliance.daemon.request_client import Unreachable
from appliance.settings.load import load
from appliance.supervisor.launcher.client import ChildrenClient
from appliance.supervisor.launcher.seam import State, UnitState
from tests.integration.demo.waiting import PATIENCE, eventually
from tests.integration.support_ports import free_port

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
DOMAIN = "schule.example"
LISTENERS = (
    "submission",
    "submissions",
    "smtp",
    "imap",
    "imaps",
    "ldap",
    "ftp",
    "ftps",
    "proxy",
    "proxy-tls",
    "http",
    "https",
)
_WITH_KEYS = ("mail", "imap", "proxy", "fileshare", "autoconfig")

T = TypeVar("T")


class Place:
    """``settings``: file name to content, beside those that say where everything is. Made by :func:`placed`.

    ``units`` are those that :meth:`start` starts; none: all of them, by the launcher's own command.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], units: Sequence[str]) -> None:
        self.folder = folder
        self.units = units
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "etc").mkdir()
        places = {key: str(folder / key) for key in ("state", "runtime", "data")}
        identity = "numbers" if AS_ROOT else "same"
        own: dict[str, dict[str, Any]] = {
            "school": {"domain": DOMAIN, "language": "en"},
            "server": {**places, "identity": identity, "launcher": "children", "audit_log": "plain"},
            "web": {"blocked_categories": {}},  # there are no lists: status would not be well
            "network": {"listen": {name: f"127.0.0.1:{free_port()}" for name in LISTENERS}},
        }
        for name in own.keys() | settings.keys():
            self.write(name, yaml.safe_dump({**own.get(name, {}), **settings.get(name, {})}))
        self.settings = load(folder / "etc")
        self._certify()

    def write(self, name: str, text: str) -> None:
        """Write the settings file ``name``."""
        (self.folder / "etc" / f"{name}.yaml").write_text(text)

    def _certify(self) -> None:
        services = [service for service in _WITH_KEYS if not self.units or service in self.units]
        identities = Identities(self.settings.server)
        for service in services:
            made = authority.ensure_authority(self.state / "authority", DOMAIN)
            owner = identities.of(service)
            authority.issue(made, self.state / service / "tls", ["localhost", "127.0.0.1"], (owner.uid, owner.gid))

    # where everything is

    @property
    def state(self) -> Path:
        return self.settings.server.state

    @property
    def runtime(self) -> Path:
        return self.settings.server.runtime

    @property
    def data(self) -> Path:
        return self.settings.server.data

    @property
    def ca(self) -> Path:
        return self.state / "authority" / "ca.pem"

    def address(self, listener: str) -> tuple[str, int]:
        listen = self.settings.network.listen[listener]
        return str(listen.host), listen.port

    # what runs

    def start(self, *units: str, wait: bool = True) -> None:
        """Start the launcher, over ``units`` instead of its own if there are any, and wait until they are ready."""
        chosen = units or self.units
        etc = str(self.settings.folder)
        own = ["-m", "appliance.supervisor.launcher", "--with-parent", "--settings", etc]
        some = [str(ROOT / "tests" / "integration" / "support_start.py"), etc, *chosen]
        with (self.folder / "launcher.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", *(some if chosen else own)],
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
            )
        if wait:
            self.until(lambda found: all(one.state is State.READY for one in found.values()))

    def states(self) -> dict[str, UnitState]:
        """Every unit by its name. Raises ``OSError`` while the launcher does not answer."""
        with contextlib.closing(ChildrenClient(self.runtime / "launcher" / "launcher.sock")) as client:
            try:
                return {one.name: one for one in client.states()}
            except Unreachable as error:
                raise ConnectionError(str(error)) from error

    def until(self, true: Callable[[dict[str, UnitState]], T]) -> T:
        """Wait until ``true`` of the units holds; that."""
        return self.when(lambda: true(self.states()))

    def when(self, true: Callable[[], T], within: float = PATIENCE) -> T:
        """Wait until ``true()`` gives something true; that. Who fails is told what the units said."""

        def look() -> T:
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"the launcher ended: {self.logs()['launcher']}")
            return true()

        try:
            return eventually(look, within)
        except AssertionError as error:
            told = "\n".join(f"== {name}\n{text[-3000:]}" for name, text in self.logs().items())
            raise AssertionError(f"{error}\n{told}") from None

    def pid(self, unit: str) -> int:
        return self.states()[unit].pid

    def worker(self, unit: str) -> int:
        """The forked worker of a unit's parent process."""
        parent = self.pid(unit)
        return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])

    @contextlib.contextmanager
    def frozen(self, unit: str) -> Iterator[None]:
        """The processes of ``unit`` do not go on while inside."""
        own = psutil.Process(self.pid(unit))
        stopped = [own, *own.children(recursive=True)]
        try:
            for process in stopped:
                process.suspend()
            yield
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def logs(self) -> dict[str, str]:
        """What every unit, and the launcher, has said so far."""
        paths = [self.folder / "launcher.log", *(self.state / "log").glob("*.log")]
        return {path.stem: path.read_text(errors="replace") for path in paths if path.exists()}

    def stop(self) -> None:
        """End what was started; it must end well, unless it has ended already."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(PATIENCE) == 0, self.logs()["launcher"]
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


P = TypeVar("P", bound=Place)


@contextlib.contextmanager
def placed(kind: type[P], settings: Mapping[str, Any] | None = None, units: Sequence[str] = ()) -> Iterator[P]:
    """A ``kind`` in which nothing runs yet; nothing is left of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        made = kind(folder, settings or {}, units)
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def place() -> Iterator[Place]:
    with placed(Place, {"server": {"watchdog": "10 s"}}) as made:
        yield made
