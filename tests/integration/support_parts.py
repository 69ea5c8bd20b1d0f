"""Real slapd, audit and auth, and services under test, each started as its unit starts it; the test itself publishes.

For tests that say what is published, and that stop, kill and start a service. May live here: what they have in common.
May not: a supervisor (``support_school`` has one), a protocol.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.options_network import Address
from appliance.daemon.secret import Secret
from appliance.daemon.snapshot_file import write_snapshot
from appliance.directory.client import connect
from appliance.policy.account import Account, Consent, Group, Role
from appliance.policy.audience import for_audience
from appliance.policy.decision import Limits
from appliance.policy.lessons import Lesson
from appliance.policy.limits import LimitTable
from appliance.policy.owners import Binding
from appliance.policy.snapshot import Snapshot, Version, encode
from appliance.settings.load import Settings, load
from appliance.settings.mail_rules import compile_mail
from appliance.settings.web_search import search_rules
from tests.integration import support_slapd
from tests.integration.demo.waiting import eventually
from tests.integration.support_daemon import Daemon
from tests.integration.support_place import AS_ROOT, DOMAIN

PASSWORD = "Kartoffel-Salat7"
LIMIT = 2_000_000
PROBE = Account("schoolserver-probe", 20009, Role.STAFF, hidden=True)
_LOCAL = {"auth": socket.SOCK_STREAM, "audit": socket.SOCK_SEQPACKET, "query": socket.SOCK_STREAM}


def person(login: str, uid: int, role: Role, **more: Any) -> Account:
    """An account with every consent that is needed, whose password was chosen before the term began."""
    both = frozenset({Consent.ACCOUNT, Consent.LOGS})
    return Account(login, uid, role, consents=both, password_changed_at=datetime(2026, 9, 1, tzinfo=UTC), **more)


class Parts:
    """All of it; ``publish`` is what the supervisor would do. Constants say what the service under test needs.

    ``settings`` are those of the services: as root they run under numbers of their own; slapd, audit and auth as root.
    ``ports`` has the number of each listener.
    """

    SERVICE: ClassVar[str]
    AUDIENCE: ClassVar[str]
    PEOPLE: ClassVar[Mapping[str, Account]]
    GROUPS: ClassVar[Mapping[str, Group]] = {}
    TEACHERS: ClassVar[tuple[int, int]]
    """How many times the limit of others is theirs, up and down."""
    LISTENERS: ClassVar[tuple[str, ...]]
    NETWORK_YAML: ClassVar[str] = ""
    """What network.yaml says beside where the services listen."""
    FOLDERS: ClassVar[Mapping[str, tuple[int, bool]]]
    """Below the school's folder: mode, and whether it is the service's own."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, files: Mapping[str, str], limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self.snapshot: Snapshot | None = None
        self.log = folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self._sockets = _listen(folder / "run", stack)
        self._sockets.update({name: stack.enter_context(self.listener(name)) for name in self.LISTENERS})
        self.ports = {name: self._sockets[name].getsockname()[1] for name in self.LISTENERS}
        server = f"{support_slapd.SETTINGS['server.yaml']}audit_log: plain\n"
        self._inner = support_slapd.write_settings(folder, server=server)
        self.settings = self._for_services(files)
        self.owner = Identities(self.settings.server).of(self.SERVICE)
        self._make_folders()
        self.authority = ensure_authority(folder / "authority", DOMAIN)
        self.certify(self.SERVICE, (self.owner.uid, self.owner.gid) if AS_ROOT else None)
        self.audit = self._daemon("audit", self._inner, ("audit", "query"), {})
        self.auth = self._daemon("auth", self._inner, ("auth",), {})

    # where everything is

    @property
    def ca(self) -> Path:
        return self.folder / "authority" / "ca.pem"

    @property
    def context(self) -> ssl.SSLContext:
        """What a program of the school trusts."""
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def data(self) -> Path:
        return self.settings.server.data

    # what a part of the school makes itself from

    def listener(self, _name: str) -> socket.socket:
        """Make the socket of a listener of the service under test."""
        return socket.create_server(("127.0.0.1", 0), backlog=128)

    def certify(self, service: str, owner: tuple[int, int] | None) -> None:
        names = ["localhost", "127.0.0.1", DOMAIN]
        issue(self.authority, self.settings.server.state / service / "tls", names, owner=owner)

    def service(self, module: str, *listeners: str, user: Mapping[str, Any] | None = None) -> Daemon:
        """The program of a service; ``user``: as whom it is started, if not as the service's own user."""
        own = self.owner
        numbers = {"user": own.uid, "group": own.gid, "extra_groups": list(own.groups)} if AS_ROOT else {}
        return self._daemon(module, self.settings, listeners, numbers if user is None else user)

    def _daemon(self, module: str, settings: Settings, listeners: tuple[str, ...], user: Mapping[str, Any]) -> Daemon:
        handed = {name: self._sockets[name] for name in listeners}
        return Daemon(f"appliance.{module}", settings, self.log, handed, user)

    def run(self, stack: contextlib.ExitStack, *services: Daemon) -> None:
        """Start slapd with the people in it, audit, auth and ``services``, until the end of ``stack``."""
        self._fill(stack.enter_context(support_slapd.start_slapd(self.folder, self._inner)).settings)
        self.publish()
        for daemon in (self.audit, self.auth, *services):
            daemon.start()
            stack.callback(daemon.stop)

    # what the supervisor does

    def publish(
        self,
        limits: LimitTable | None = None,
        owners: Mapping[str, Binding] | None = None,
        lessons: Sequence[Lesson] = (),
        **changes: Mapping[str, Any],
    ) -> None:
        """Publish the accounts as they are, with ``changes`` by login (dots written as ``__``)."""
        people = [replace(one, **changes.get(one.login.replace(".", "__"), {})) for one in self.PEOPLE.values()]
        teachers = Limits(*(times * self.limit for times in self.TEACHERS))
        usual = LimitTable(Limits(self.limit, self.limit), {Role.TEACHER: teachers}, message_overhead=100_000)
        self.snapshot = Snapshot(
            version=Version(1, 1 if self.snapshot is None else self.snapshot.version.counter + 1),
            audience="supervisor",
            domain=DOMAIN,
            zone=self.settings.school.zone,
            accounts={one.login: one for one in (*people, PROBE)},
            groups=dict(self.GROUPS),
            rules=self.settings.access.rules,
            web=self.settings.web_rules,
            consents_required=self.settings.access.consents_required,
            limits=limits or usual,
            rooms=self.settings.network.rooms,
            owners=owners or {},
            lessons=tuple(lessons),
            mail=compile_mail(self.settings.mail.rules, self.settings.mail.outside),
            safe_search=search_rules(self.settings.web.safe_search, self.settings.sources.__getitem__),
        )
        for audience in ("auth", self.AUDIENCE):
            path = self.settings.server.runtime / "snapshots" / f"{audience}.snapshot"
            write_snapshot(path, encode(for_audience(self.snapshot, audience)))
            path.chmod(0o444)

    @contextlib.contextmanager
    def as_before(self, works: Callable[[], bool]) -> Iterator[None]:
        """What is published meanwhile is as it was afterwards, and the services know of it.

        ``works`` says whether somebody gets in. It is asked twice, for it may be true of what a test published too.
        """
        before = self.snapshot
        yield
        if self.snapshot is not before:
            self.publish(**{login.replace(".", "__"): {"disabled": True} for login in self.PEOPLE})
            try:
                eventually(lambda: not works())
            finally:
                self.publish()
            eventually(works)

    # how it is made

    def _for_services(self, files: Mapping[str, str]) -> Settings:
        place = self.folder / "outer"
        shutil.copytree(self._inner.folder, place)
        server = (place / "server.yaml").read_text()
        identity = "numbers" if AS_ROOT else "same"
        places = {name: self._sockets[name].getsockname()[:2] for name in self.LISTENERS}
        listen = "".join(f"  {name}: '{Address(*place)}'\n" for name, place in places.items())
        own = {
            "server": server.replace("identity: same", f"identity: {identity}"),
            "network": f"{self.NETWORK_YAML}listen:\n{listen}",
        }
        for name, text in {**own, **files}.items():
            (place / f"{name}.yaml").write_text(text)
        return load(place)

    def _make_folders(self) -> None:
        common = {"run/snapshots": (0o755, False), "state/audit": (0o700, False), "state/auth": (0o700, False)}
        keys = {f"state/{self.SERVICE}/tls": (0o700, True), "state/supervisor": (0o700, False)}
        for name, (mode, owned) in {**common, **keys, **self.FOLDERS}.items():
            path = self.folder / name
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
            if AS_ROOT and owned:
                os.chown(path, self.owner.uid, self.owner.gid)

    def _fill(self, settings: Settings) -> None:
        with (
            contextlib.closing(connect(settings, "supervisor")) as directory,
            contextlib.closing(connect(settings, "auth")) as passwords,
        ):
            for one in (*self.PEOPLE.values(), PROBE):
                given, _, surname = one.login.partition(".")
                names = {"given_name": given, "surname": surname or "probe"}
                directory.create_account(login=one.login, uid=one.uid, role=one.role, hidden=one.hidden, **names)
                passwords.set_password(one.login, Secret(PASSWORD), must_change=one.must_change)


@contextlib.contextmanager
def short_folder(place: str = "/tmp") -> Iterator[tuple[Path, contextlib.ExitStack]]:
    """A folder for a school below ``place``, and what ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir=place))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            yield folder, stack
    finally:
        shutil.rmtree(folder)


def _listen(run: Path, stack: contextlib.ExitStack) -> dict[str, socket.socket]:
    listeners = {}
    for name, kind in _LOCAL.items():
        folder = run / ("audit" if name == "query" else name)
        folder.mkdir(parents=True, exist_ok=True)
        listeners[name] = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        listeners[name].bind(str(folder / f"{name}.sock"))
        (folder / f"{name}.sock").chmod(0o666)
        listeners[name].listen(64)
    return listeners
