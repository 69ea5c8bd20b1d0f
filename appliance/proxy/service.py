"""The web service of one worker: listeners, what all connections share, lists, stop and reload.

May live here: putting the parts together. May not: HTTP, policy, what settings mean (``configure``).
"""

from __future__ import annotations

import gc
import logging
import resource
import socket
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from appliance.audit.client import AuditClient
from appliance.daemon.logs import Told, describe
from appliance.daemon.loop import Loop
from appliance.daemon.main import Worker
from appliance.daemon.sessions import Sessions
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.texts import LANGUAGES, translator
from appliance.daemon.tls import TlsError
from appliance.filter.current import Current
from appliance.filter.record import INDEX, folder_of
from appliance.filter.safe_search import own_table
from appliance.policy.account import Service
from appliance.policy.snapshot import Snapshot, decode
from appliance.proxy import configure
from appliance.proxy.accept import Certificate, Connections, Newcomer, Port
from appliance.proxy.addresses import inside, literal
from appliance.proxy.caught import Caught
from appliance.proxy.checker import TwistedAuthClient
from appliance.proxy.conversation import Conversation
from appliance.proxy.deadlines import Deadlines
from appliance.proxy.desk import Desk
from appliance.proxy.familiar import Tunnels
from appliance.proxy.gate import Gate
from appliance.proxy.gossip import Gossip
from appliance.proxy.guest import Reception, Way
from appliance.proxy.line import Line
from appliance.proxy.metering import Meters
from appliance.proxy.names import Names
from appliance.proxy.negotiate import Tickets
from appliance.proxy.poll import Poller
from appliance.proxy.sign_in import SignIn
from appliance.proxy.splice import Pipes
from appliance.proxy.upstream import Connector
from appliance.proxy.uses import MOMENT
from appliance.session.by_address import Devices
from appliance.session.house import House
from appliance.session.kerberos import Acceptor
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_SWEEP = 0.25
_STATUS = 1.0
_FORGET = 2.0
_TICK = 0.025
_LISTS = 0.5
_GOODBYE = 5.0
"""Seconds that what is under way gets when the service stops."""
_OURS = 512
"""Descriptors that connections leave to pipes, files, auth and nameservers."""


class ProxyService:
    """Serves on the listening sockets ``proxy`` (plain), ``proxy-tls``, ``transparent-http`` and ``transparent-tls``.

    ``key`` is the same in all workers: with it they tell each other what they count.
    """

    def __init__(self, worker: Worker[Settings], loop: Loop, reactor: Any, key: bytes) -> None:
        self._worker = worker
        self._reactor = reactor
        settings = worker.settings
        server, proxy = settings.server, settings.proxy
        self._ports: list[Port] = []
        self._said = ""
        self._certificate = Certificate(server.state / "proxy" / "tls")
        self._sessions = Sessions(loop)
        self._snapshot: Follower[Snapshot] = Follower(
            server.runtime / "snapshots" / "web.snapshot", decode, loop, lambda _new: self._sessions.recheck_all()
        )
        self._auth = TwistedAuthClient(reactor, server.runtime / "auth" / "auth.sock")
        self._audit = AuditClient(server.runtime / "audit" / "audit.sock")
        self._lists = Current(folder_of(server.state) / INDEX)
        self._meters = Meters(proxy.tunnel_window, key)
        self._gossip = Gossip(reactor, server.runtime / "proxy", worker.number, proxy.workers, key, self._meters)
        self._poller = Poller(reactor, _for_connections())
        self._deadlines = Deadlines(reactor.seconds())
        self._names = (proxy.connect_timeout, Names(reactor, proxy.connect_timeout))

        house = House(snapshot=lambda: self._snapshot.current, journal=self._audit)
        sign_in = SignIn(house, self._auth, proxy.remember, reactor.seconds)
        self._desk = Desk(
            poller=self._poller,
            deadlines=self._deadlines,
            pipes=Pipes(),
            reception=Reception(
                sign_in,
                Tickets(house, Acceptor(server.state / "proxy", settings.directory.long_names)),
                Devices(house, Service.WEB),
            ),
            gate=Gate(
                house,
                self._lists.index,
                configure.exceptions(settings),
                self._meters,
                configure.exempt(settings),
                own_table(),
            ),
            connector=self._connector(settings),
            sessions=self._sessions,
            connections=Connections(proxy.connections, proxy.connections_per_address),
            unnamed=proxy.unnamed,
            language=settings.school.language,
            letterhead=configure.letterhead(settings),
            times=configure.times(settings),
            tunnels=Tunnels(sign_in.mark),
        )
        self._ticking = _now_and_then(reactor, self._tick)
        configure.tell_missing(settings, self._lists.index)
        self._share_line(settings)
        calls = (
            (self._look, _SWEEP),
            (self._tell, _STATUS),
            (self._forget, _FORGET),
            (self._follow, _LISTS),
            (self._desk.gate.uses.tell, MOMENT),
        )
        self._calls = [(_now_and_then(reactor, call), every) for call, every in calls]

    def open(self) -> None:
        """Begin to accept connections."""
        desk, worker = self._desk, self._worker
        self._listen(worker.listening("proxy"), lambda: Conversation(desk, Way.PLAIN))
        self._listen(worker.listening("proxy-tls"), lambda: Conversation(desk, Way.TLS), self._certificate)
        if worker.settings.network.wlan_networks:
            led = worker.listening_if_any("transparent-http")
            self._listen(led, lambda: Conversation(desk, Way.CAUGHT), admits=self._from_wlan)
            led = worker.listening_if_any("transparent-tls")
            self._listen(led, lambda: Caught(desk), admits=self._from_wlan)
        self._gossip.open()
        for call, every in self._calls:
            call.start(every)

    def stop(self) -> Any:
        """Accept nothing new, finish what is under way for a few seconds."""
        self._desk.stopping = True
        for port in self._ports:
            port.stop()
        until = self._reactor.seconds() + _GOODBYE
        gone: Any = Deferred()

        def look() -> None:
            for one in self._desk.connections:
                _carefully(one.leave)
            if not len(self._desk.connections) or self._reactor.seconds() > until:
                for one in self._desk.connections:
                    _carefully(one.drop)
                waiting.stop()
                gone.callback(None)

        waiting = LoopingCall(look)
        waiting.start(0.05)
        return gone.addCallback(self._close)

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings`` and the certificate that lies there now; open connections are rechecked."""
        proxy, desk, kept = settings.proxy, self._desk, []
        desk.gate.renew(self._lists.index, configure.exceptions(settings), configure.exempt(settings))
        configure.tell_missing(settings, self._lists.index)
        desk.connector = self._connector(settings)
        desk.reception.sign_in.remember = proxy.remember
        desk.connections.most, desk.connections.most_each = proxy.connections, proxy.connections_per_address
        desk.unnamed = proxy.unnamed
        desk.language = settings.school.language
        desk.letterhead = configure.letterhead(settings)
        desk.times = configure.times(settings)
        self._meters.window = proxy.tunnel_window
        self._share_line(settings)
        try:
            self._certificate.reload()
        except TlsError as error:
            kept.append(f"the certificate stays as it was: {error}")
        self._sessions.recheck_all()
        if kept:
            raise Told("; ".join(kept))

    def _listen(
        self,
        sockets: Iterable[socket.socket],
        make: Callable[[], Newcomer],
        certificate: Certificate | None = None,
        admits: Callable[[str], bool] | None = None,
    ) -> None:
        self._ports += [Port(self._poller, one, make, certificate, admits) for one in sockets]

    def _from_wlan(self, address: str) -> bool:
        """Whether the firewall leads connections from the IP ``address`` here; the demo's is this machine."""
        found = literal(address)
        wlan = self._worker.settings.network.wlan_networks
        return found is not None and (found.is_loopback or any(inside(found, network) for network in wlan))

    def _connector(self, settings: Settings) -> Connector:
        patience = settings.proxy.connect_timeout
        if patience != self._names[0]:
            self._names = (patience, Names(self._reactor, patience))
        own = configure.own_networks(settings)
        return Connector(self._poller, self._deadlines, self._names[1], patience, own)

    def _share_line(self, settings: Settings) -> None:
        """Share the line at the rates of ``settings``; what began without a rate goes on without."""
        rates = configure.rates(settings)
        before = self._desk.gate.lines
        lines = {action: before.get(action) or Line(rate) for action, rate in rates.items()}
        for action, line in lines.items():
            line.rate = rates[action]
        self._desk.gate.lines = self._gossip.lines = lines
        for action in before.keys() - lines.keys():  # nobody would tick it again
            before[action].end()
        if lines and not self._ticking.running:
            self._ticking.start(_TICK)
        elif self._ticking.running and not lines:
            self._ticking.stop()

    # now and then

    def _look(self) -> None:
        """End what takes too long."""
        self._poller.now = self._reactor.seconds()
        self._deadlines.sweep(self._reactor.seconds())

    def _tell(self) -> None:
        """Say how many there are."""
        said = (
            f"{len(self._desk.connections)} connections, {len(self._lists.index.names)} categories with "
            f"{len(self._lists.index)} entries"
        )
        if said != self._said:
            self._said = said
            self._worker.status(said)

    def _follow(self) -> None:
        """Go over to lists that were renewed; what is open is asked about again."""
        before = self._lists.problem
        if self._lists.look():
            gate, lists = self._desk.gate, self._lists.index
            gate.renew(lists, gate.exceptions, gate.exempt)
            self._sessions.recheck_all()
            configure.tell_missing(self._worker.settings, lists)
        elif self._lists.problem not in ("", before):
            _log.error("the former lists stay: %s", self._lists.problem)

    def _forget(self) -> None:
        """Forget counts of former times."""
        self._meters.sweep(self._reactor.seconds())

    def _tick(self) -> None:
        """Let those go on who wait for their part of the line."""
        for line in self._desk.gate.lines.values():
            if line.waiting:
                line.tick(self._reactor.seconds())

    def _close(self, _gone: object) -> None:
        for call in (self._ticking, *(call for call, _every in self._calls)):
            if call.running:
                call.stop()
        self._desk.gate.uses.tell()
        self._gossip.close()
        self._snapshot.stop()
        self._auth.close()
        self._audit.close()
        self._poller.stop()
        self._desk.pipes.close()


def start(worker: Worker[Settings], loop: Loop, key: bytes) -> ProxyService:
    """Make the service and begin to listen."""
    from twisted.internet import reactor

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    service = ProxyService(worker, loop, reactor, key)
    for language in LANGUAGES:
        translator(language)  # read now: when somebody has to be told that there are too many, no file can be opened
    service.open()
    gc.freeze()  # what was made until now stays, the lists above all: no collection needs to walk through it
    return service


def _now_and_then(reactor: Any, call: Callable[[], None]) -> LoopingCall:
    """Give what calls it again and again, once it is started."""
    looping = LoopingCall(_carefully, call)
    looping.clock = reactor
    return looping


def _carefully(call: Callable[[], None]) -> None:
    """Call it; a fault is told, and what is called now and then is called again."""
    try:
        call()
    except Exception as error:
        _log.error("a call failed: %s", describe(error))


def _for_connections() -> int:
    """How many descriptors connections may take: a tunnel has two."""
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limit - min(_OURS, limit // 4)
