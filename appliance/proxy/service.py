"""The web service of one worker: listeners, what all connections share, lists, stop and reload.

May live here: putting the parts together. May not: HTTP, policy.
"""

from __future__ import annotations

import gc
import logging
import resource
from ipaddress import ip_network
from typing import Any

import psutil
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.task import LoopingCall

from appliance.audit.client import AuditClient
from appliance.daemon.logs import Told
from appliance.daemon.loop import Loop
from appliance.daemon.main import Worker
from appliance.daemon.sessions import Sessions
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.tls import TlsError
from appliance.policy.snapshot import Snapshot, decode
from appliance.proxy.accept import Certificate, Connections, listen
from appliance.proxy.addresses import Network, literal
from appliance.proxy.checker import TwistedAuthClient
from appliance.proxy.conversation import Conversation, Desk
from appliance.proxy.filter import Lists, read_lists
from appliance.proxy.negotiate import Tickets
from appliance.proxy.session import Closed, Gate
from appliance.proxy.sign_in import SignIn
from appliance.proxy.target import Where
from appliance.proxy.upstream import Connector
from appliance.session.house import House
from appliance.session.kerberos import Acceptor
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_SWEEP = 0.5
_GOODBYE = 5.0
"""Seconds that what is under way gets when the service stops."""


class ProxyService:
    """Serves on the listening sockets named ``proxy`` (plain) and ``proxy-tls``."""

    def __init__(self, worker: Worker[Settings], loop: Loop, reactor: Any) -> None:
        self._worker = worker
        self._reactor = reactor
        settings = worker.settings
        server = settings.server
        self._ports: list[Any] = []
        self._said = ""
        self._certificate = Certificate(server.state / "proxy" / "tls")
        self._sessions = Sessions(loop)
        self._snapshot: Follower[Snapshot] = Follower(
            server.runtime / "snapshots" / "web.snapshot", decode, loop, lambda _new: self._sessions.recheck_all()
        )
        self._auth = TwistedAuthClient(reactor, server.runtime / "auth" / "auth.sock")
        self._audit = AuditClient(server.runtime / "audit" / "audit.sock")
        self._lists = read_lists(settings.proxy.lists)
        proxy = settings.proxy

        house = House(snapshot=lambda: self._snapshot.current, journal=self._audit)
        self._desk = Desk(
            sign_in=SignIn(house, self._auth, proxy.remember, reactor.seconds),
            tickets=Tickets(house, Acceptor(server.state / "proxy", settings.directory.long_names)),
            gate=Gate(house, self._closed(settings)),
            connector=self._connector(settings),
            sessions=self._sessions,
            connections=Connections(proxy.connections, proxy.connections_per_address),
            language=settings.school.language,
            head_timeout=proxy.head_timeout,
            idle_timeout=proxy.idle_timeout,
            answer_timeout=proxy.answer_timeout,
            tunnel_timeout=proxy.tunnel_timeout,
            clock=reactor.seconds,
        )
        self._sweep = LoopingCall(self._look)
        self._sweep.clock = reactor

    def open(self) -> None:
        """Begin to accept connections."""
        for name, certificate in (("proxy", None), ("proxy-tls", self._certificate)):
            for handed in self._worker.listening(name):
                encrypted = certificate is not None

                def make(encrypted: bool = encrypted) -> Conversation:
                    return Conversation(self._desk, encrypted)

                self._ports.append(listen(self._reactor, handed, make, certificate))
        self._sweep.start(_SWEEP)

    def stop(self) -> Any:
        """Accept nothing new, finish what is under way for a few seconds."""
        self._desk.stopping = True
        ended: Any = DeferredList([maybeDeferred(port.stopListening) for port in self._ports])
        until = self._reactor.seconds() + _GOODBYE
        gone: Any = Deferred()

        def look() -> None:
            for one in self._desk.connections:
                one.leave()
            if not len(self._desk.connections) or self._reactor.seconds() > until:
                for one in self._desk.connections:
                    one.drop()
                waiting.stop()
                gone.callback(None)

        waiting = LoopingCall(look)
        waiting.start(0.05)
        return ended.addCallback(lambda _ports: gone).addCallback(self._close)

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings``, the lists and the certificate that lie there now; open connections are rechecked."""
        proxy, desk, kept = settings.proxy, self._desk, []
        try:
            self._lists = read_lists(proxy.lists)
        except Told as error:
            kept.append(f"the lists stay as they were: {error}")
        desk.gate.closed = self._closed(settings)
        desk.connector = self._connector(settings)
        desk.sign_in.remember = proxy.remember
        desk.connections.most, desk.connections.most_each = proxy.connections, proxy.connections_per_address
        desk.language = settings.school.language
        desk.head_timeout, desk.idle_timeout = proxy.head_timeout, proxy.idle_timeout
        desk.answer_timeout, desk.tunnel_timeout = proxy.answer_timeout, proxy.tunnel_timeout
        try:
            self._certificate.reload()
        except TlsError as error:
            kept.append(f"the certificate stays as it was: {error}")
        self._sessions.recheck_all()
        if kept:
            raise Told("; ".join(kept))

    def _close(self, _ports: object) -> None:
        self._sweep.stop()
        self._snapshot.stop()
        self._auth.close()
        self._audit.close()

    def _look(self) -> None:
        """End what takes too long, and say how many there are."""
        now = self._reactor.seconds()
        for one in self._desk.connections:
            one.tick(now)
        said = f"{len(self._desk.connections)} connections, {_words(self._lists)}"
        if said != self._said:
            self._said = said
            self._worker.status(said)

    def _closed(self, settings: Settings) -> Closed:
        proxy = settings.proxy
        wanted = {category for closed in proxy.blocked_categories.values() for category in closed}
        missing = sorted(wanted - set(self._lists.names))
        if missing:
            _log.warning("nothing is blocked of %s: %s has no such list", ", ".join(missing), proxy.lists)
        return Closed(
            lists=self._lists,
            categories={role: frozenset(closed) for role, closed in proxy.blocked_categories.items()},
            always=frozenset(proxy.always),
            exceptions=frozenset(Where(one.host, one.port) for one in proxy.exceptions),
            source=str(settings.sources["proxy.blocked_categories"]),
        )

    def _connector(self, settings: Settings) -> Connector:
        rooms = (network for networks in settings.network.rooms.values() for network in networks)
        return Connector(self._reactor, settings.proxy.connect_timeout, (*rooms, *_own_addresses()))


def start(worker: Worker[Settings], loop: Loop) -> ProxyService:
    """Make the service and begin to listen."""
    from twisted.internet import reactor

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a tunnel takes two descriptors
    service = ProxyService(worker, loop, reactor)
    service.open()
    gc.freeze()  # what was made until now stays, the lists above all: no collection needs to walk through it
    return service


def _own_addresses() -> tuple[Network, ...]:
    """The addresses of this machine: also a public one leads to its own services."""
    found = (literal(one.address.partition("%")[0]) for each in psutil.net_if_addrs().values() for one in each)
    return tuple(ip_network(address) for address in found if address is not None)


def _words(lists: Lists) -> str:
    return f"{len(lists.names)} lists with {len(lists)} domains"
