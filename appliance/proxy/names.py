"""Looking up names of sites: none waits for another, and a look-up that hangs harms only who asked for it.

May live here: what is asked for a name, of whom, and what comes of the answers. May not: which addresses are allowed
(``addresses``), sending questions (``resolver``), keeping answers (``names_cache``, ``names_shared``).

Only ``/etc/hosts`` and the nameservers of ``/etc/resolv.conf`` say what a name is. What the system's resolver may ask
besides (``/etc/nsswitch.conf``) is not asked: no multicast for ``.local``, no WINS or winbind, no NIS or sssd, no own
names of systemd; nor do the options of ``/etc/resolv.conf`` and ``/etc/gai.conf`` count. While the way to the internet
is gone every name outside takes its whole time; names inside the school then have their own share of the questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from twisted.internet import defer

from appliance.proxy.addresses import Address
from appliance.proxy.dns_message import Answer, Kind
from appliance.proxy.https_record import BadRecord, HttpsRecord, https_record
from appliance.proxy.names_files import Files
from appliance.proxy.names_shared import Missing, Shared, Tell
from appliance.proxy.resolver import Resolver

__all__ = ["Missing", "Names"]
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_MAX = 253
_NOWHERE = frozenset({"localhost", "invalid", "onion"})
"""Never names of the DNS (RFC 6761, 6.3 and 6.4; RFC 7686)."""
_LOCALHOST: list[Address] = [IPv6Address("::1"), IPv4Address("127.0.0.1")]
_SLOW = 0.05
"""Seconds that the slower family gets when the other has addresses (RFC 8305, 3)."""
_HALF = 30.0
"""Seconds for which addresses of one family count while nobody knows about the other."""
_ABSENT = 60.0
_NO_RECORD = 300.0
_IDS_PATIENCE = 2.0
"""Seconds for a question about keys: connections wait for it, and some networks drop what they do not know."""
_IDS_SILENCE = 60.0
_ALIASES = 4


class Names:
    """Looks up names on ``reactor``, for at most ``timeout`` seconds each; the nameservers listen on ``port``."""

    def __init__(
        self,
        reactor: Any,
        timeout: float,
        resolv_conf: Path = Path("/etc/resolv.conf"),
        hosts: Path = Path("/etc/hosts"),
        port: int = 53,
    ) -> None:
        self._reactor = reactor
        self._files = Files(resolv_conf, hosts)
        self._resolver = Resolver(reactor, self._files.servers, port)
        self._addresses: Shared[list[Address]] = Shared(reactor, timeout, self._find)
        patience = min(timeout, _IDS_PATIENCE)
        self._ids: Shared[frozenset[int]] = Shared(reactor, patience, self._find_ids, _IDS_SILENCE)

    def known(self, host: str) -> list[Address] | Missing | None:
        """Give what :meth:`look_up` would give at once, ``None`` when it must ask; the list is not to be changed."""
        return self._addresses.known(host)

    async def look_up(self, host: str, inside: bool) -> list[Address] | Missing:
        """Return the addresses of ``host`` (lower case, ASCII, no final dot), or why there are none.

        Each comes once, IPv6 first, within a family in the order of the DNS. ``inside``: it is one of the school's.
        """
        self._look()
        return await self._addresses.get(host, inside)

    async def encrypted_hello_ids(self, host: str, inside: bool = False) -> frozenset[int] | Missing:
        """Return the config_ids (0 to 255) of encrypted hellos that say ``host`` in clear, often none.

        Of the keys that ``host`` publishes (RFC 9848) those whose public name is ``host``: with the others a hello says
        another name (RFC 9849, 6.1), and what says this one and looks encrypted is noise.

        :attr:`Missing.ANSWER`: nobody could say within two seconds, and for a minute nobody is asked again.
        """
        self._look()
        return await self._ids.get(host, inside)

    def _look(self) -> None:
        """Go by the files as they are now; what others said before no longer counts."""
        if self._files.look(self._reactor.seconds()):
            self._resolver.servers = self._files.servers
            self._addresses.forget()
            self._ids.forget()

    async def _find(self, host: str, deadline: float, tell: Tell[list[Address]]) -> None:
        if host in self._files.hosts:
            tell(self._files.hosts[host], 0)
        elif host.rpartition(".")[2] == "localhost":
            tell(_LOCALHOST, 0)
        elif not _asked_for(host):
            tell(Missing.NAME, _ABSENT)
        else:
            absent = _ABSENT
            for name in self._full(host):
                found = await self._find_both(name, deadline, tell)
                if found is None:
                    return
                absent = min(absent, found)
            tell(Missing.NAME, absent)

    def _full(self, host: str) -> Iterable[str]:
        """Give the names that ``host`` may mean: a single word gets the suffixes of resolv.conf, if there are any."""
        if "." in host or not self._files.suffixes:
            return (host,)
        return (f"{host}.{suffix}" for suffix in self._files.suffixes)

    async def _find_both(self, name: str, deadline: float, tell: Tell[list[Address]]) -> float | None:
        """Ask for both families; gives for how many seconds there is none, ``None`` when all is told or unknown."""
        found: dict[Kind, Answer | None] = {}
        late: list[Any] = []

        def arrived(one: Answer | None, kind: Kind) -> None:
            found[kind] = one
            if len(found) == 1 and one is not None and one.values:
                late.append(self._reactor.callLater(_SLOW, tell, _addresses(one), min(one.seconds, _HALF)))

        asked = [
            defer.ensureDeferred(self._resolver.ask(name, kind, deadline)).addCallback(arrived, kind)
            for kind in (Kind.AAAA, Kind.A)
        ]
        try:
            await defer.DeferredList(asked, fireOnOneErrback=True)
        finally:
            for timer in late:
                if timer.active():
                    timer.cancel()
        answers = [one for one in (found[Kind.AAAA], found[Kind.A]) if one is not None]
        full = [one for one in answers if one.values]
        if full:
            seconds = min(one.seconds for one in full)
            tell(_addresses(*full), seconds if len(answers) == 2 else min(seconds, _HALF))
        elif len(answers) == 2:
            return float(min(one.seconds for one in answers))
        return None

    async def _find_ids(self, host: str, deadline: float, tell: Tell[frozenset[int]]) -> None:
        ids: frozenset[int] = frozenset()
        seconds = _NO_RECORD
        name = "" if host in self._files.hosts or not _asked_for(host) else host
        for _ in range(_ALIASES):
            if not name:
                break
            answer = await self._resolver.ask(name, Kind.HTTPS, deadline)
            if answer is None:
                return
            seconds = min(seconds, answer.seconds)
            records = list(_records(answer))
            ids |= {config_id for one in records for config_id, public in one.keys if public == host}
            name = next((one.target for one in records if one.alias), "")
        tell(ids, seconds)


def _asked_for(host: str) -> bool:
    """Whether ``host`` is a name that a nameserver may know; what ends in a number is an address (WHATWG URL, 3.5)."""
    top = host.rpartition(".")[2]
    fits = len(host) <= _NAME_MAX and _NAME.fullmatch(host) is not None
    return fits and top not in _NOWHERE and not _NUMBER.fullmatch(top)


def _addresses(*answers: Answer) -> list[Address]:
    return list(dict.fromkeys(value for one in answers for value in one.values if not isinstance(value, bytes)))


def _records(answer: Answer) -> Iterable[HttpsRecord]:
    for value in answer.values:
        if isinstance(value, bytes):
            try:
                yield https_record(value)
            except BadRecord:
                continue
