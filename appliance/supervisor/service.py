"""The supervisor on Twisted's reactor: what runs when, and in which threads.

May live here: timers, threads, the control socket's life. May not: what any part does. The reactor's thread only
hands work out; everything that blocks runs in a pool. Requests have threads of their own, so that neither a slow
directory nor a hanging probe keeps a lock waiting.
"""

from __future__ import annotations

import logging
from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThreadPool

from appliance.daemon.identities import Identities
from appliance.daemon.logs import Told
from appliance.daemon.loop import Loop
from appliance.daemon.worker import Worker
from appliance.settings.load import Settings
from appliance.supervisor.accepting import Accepting
from appliance.supervisor.assembly import assemble
from appliance.supervisor.control import ControlFactory
from appliance.supervisor.kicker import SETTLE
from appliance.supervisor.probe import Probe
from appliance.supervisor.quotas_ledger import TEND
from appliance.supervisor.rounds import Pool, Round, stop_all
from appliance.supervisor.verbs import table

LOG = logging.getLogger(__name__)

_REQUEST_THREADS = 12
_ROUND_THREADS = 16
_SOON = 0.5
_END_WITHIN = 4.0


class Supervisor:
    """A running supervisor, as a :class:`appliance.daemon.loop.Service`."""

    def __init__(self, worker: Worker[Settings], reactor: Any) -> None:
        self._worker = worker
        self._reactor = reactor
        self._summary = ""
        self._listeners = worker.listening("control")
        self._parts = assemble(worker.settings, self._kicks_noted, self._composed)
        self._core = self._parts.core
        self._pool = Pool(1, _ROUND_THREADS, "round")
        self._requests = Pool(1, _REQUEST_THREADS, "request")
        core, groups = self._core, {Identities(worker.settings.server).group("admin")}
        self._factory = ControlFactory(reactor, table(core), self._requests, groups)
        self._look = Round(reactor, self._pool, core.publisher.look, lambda _: core.settings.directory.poll)
        self._kick = Round(reactor, self._pool, self._parts.kicker.run, lambda left: SETTLE if left else None)
        self._others: list[Round[Any]] = [self._kick, Round(reactor, self._pool, core.health.look, self._after_health)]
        self._others += [self._probing(probe) for probe in self._parts.probes]
        self._others.append(Round(reactor, self._pool, core.folders.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, core.deleting_again.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, core.ledger.tend, lambda _: TEND))
        self._others.append(Round(reactor, self._pool, core.alerts.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, self._parts.engines.work, lambda pause: pause))
        self._log_on = (
            None if core.log_on is None else Round(reactor, self._pool, core.log_on.work, lambda after: after)
        )
        self._others += [self._log_on] if self._log_on else []
        if self._parts.keytabs is not None:
            self._others.append(Round(reactor, self._pool, self._parts.keytabs.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, self._parts.shares.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, self._parts.door.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, self._parts.outbound.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, self._parts.scanning.work, lambda pause: pause))
        self._others.append(Round(reactor, self._pool, self._parts.quota_warnings.work, self._often))
        if self._parts.shadows is not None:
            self._others.append(Round(reactor, self._pool, self._parts.shadows.work, lambda pause: pause))
        self._accepting: list[Accepting] = []

    def begin(self) -> Deferred:
        """Start; fires with this service when the directory has been asked once, whatever came of it."""
        for pool in (self._pool, self._requests):
            pool.start()
        return self._look.now().addCallback(self._begun)

    def stop(self) -> Deferred:
        """Accept nothing new; fires when the requests and rounds under way have ended."""
        for accepting in self._accepting:
            accepting.stop()
        self._core.publisher.stop()
        self._core.ledger.stop()
        rounds = stop_all([self._look, *self._others], self._reactor, _END_WITHIN)
        return DeferredList([self._factory.ended(), rounds]).addCallback(self._stopped)

    def reload(self, settings: Settings) -> Deferred:
        """Go on with ``settings``: rules, rooms, limits, intervals. Sockets and folders need a restart."""
        taken = deferToThreadPool(self._reactor, self._requests, self._core.take_over, settings)
        return taken.addCallback(_tell_what_stays)

    def _begun(self, _: object) -> Supervisor:
        self._accepting = [Accepting(self._reactor, listener, self._factory) for listener in self._listeners]
        for round_ in self._others:
            round_.now()
        return self

    def _stopped(self, results: list[tuple[bool, bool]]) -> None:
        if not results[-1][1]:
            LOG.info("a look or a probe was still under way and is left")
            return  # its threads still use everything; they end with the process
        for pool in (self._pool, self._requests):
            pool.stop()
        self._parts.close()

    def _probing(self, probe: Probe) -> Round[None]:
        core = self._core

        def after(_: None) -> float:
            self._say()
            return self._pause(core.health.proved(probe))

        return Round(self._reactor, self._pool, lambda: core.health.probe(probe), after)

    def _after_health(self, _: None) -> float:
        return self._pause(self._say())

    def _often(self, pause: float) -> float:
        """Give the seconds until the next look at what is looked at as often as all is probed, if that is sooner."""
        return min(pause, self._core.settings.server.probe_interval)

    def _pause(self, well: bool) -> float:
        """Give the seconds until the next look: what is only coming up is looked at again soon."""
        interval = self._core.settings.server.probe_interval
        return interval if well else min(interval, _SOON)

    def _say(self) -> bool:
        """Keep the one line for ``systemctl status`` and the launcher up to date; whether all is well."""
        status = self._core.health.status()
        summary = status["summary"]
        if summary != self._summary:
            self._summary = summary
            self._worker.status(summary)
        return bool(status["healthy"])

    def _kicks_noted(self) -> None:
        self._reactor.callFromThread(self._kick.now)

    def _composed(self) -> None:
        if self._log_on is not None:
            self._reactor.callFromThread(self._log_on.now)


def _tell_what_stays(lines: list[str]) -> None:
    for line in lines:
        LOG.warning("%s", line)


def start(worker: Worker[Settings], _loop: Loop) -> Deferred:
    """Start the supervisor of ``worker``; for ``daemon.twisted_loop.serve``."""
    try:
        supervisor = Supervisor(worker, default_reactor)
    except LookupError as problem:  # a user or group of the server is missing
        raise Told(str(problem)) from problem
    return supervisor.begin()
