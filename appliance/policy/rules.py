"""The one place where it is decided whether somebody may do something now.

May live here: the order in which state and rules are asked, and for how long an answer stands. May not: what a single
rule or measure covers (``access``, ``web``, ``lessons``), calendar arithmetic (``schedule``), protocols and replies.
First match wins; what no rule opens is closed. Each step that asks about the time adds the instant at which its answer
could change, so that ``valid_until`` is never late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Lock, Service
from appliance.policy.decision import Allow, Decision, Deny, Reason, Rule, TryLater
from appliance.policy.lessons import lesson_for
from appliance.policy.limits import largest_size, limits_for
from appliance.policy.nobody import STRANGERS, strictest, without_exemptions
from appliance.policy.owners import NOBODY, binding_of, plain
from appliance.policy.request import Action, Request
from appliance.policy.snapshot import Snapshot
from appliance.policy.targets import domains_of, host_of
from appliance.policy.web import Site, first_match

__all__ = ["AccessRule", "Who", "decide", "explain", "room_of"]

_NO_SNAPSHOT = TryLater(Rule("state snapshot", "who may do what is not known yet"))
_UNKNOWN = Rule("state accounts", "there is no such account")
_DISABLED = Rule("state accounts", "the account is disabled")
_NOT_HIS = Rule("state devices", "the address is no device of the account now")
_OWNED = Rule("state devices", "the address has an owner now")
_MUST_CHANGE = Rule("state password", "the password must be changed first")
_OWN = Rule("state accounts", "the server's own account may use what is open to anybody at any time")
_PC_ASKS = "the password must be changed: log-on at a PC asks for the new one before anything opens"
_NO_HOST = Rule("state request", "the target has no readable host")
_FOREVER = datetime.max.replace(tzinfo=UTC)

_Note = Callable[..., None]


def decide(snapshot: Snapshot | None, request: Request, now: datetime) -> Decision:
    """Say whether ``request`` is allowed at the aware instant ``now``, by which rule, and until when that stands.

    The same request gets the same answer at every instant before ``valid_until``. Without a snapshot the answer is
    :class:`TryLater`. Raises ``ValueError`` for a ``now`` without a time zone, and nothing else for any year in use.
    """
    return _walk(snapshot, request, now, _silent)


def explain(snapshot: Snapshot | None, request: Request, now: datetime) -> tuple[Decision, tuple[str, ...]]:
    """Give the answer of :func:`decide` and, in order, what was asked on the way; for the carer, names people."""
    steps: list[str] = []

    def note(text: str, *values: object) -> None:
        steps.append(text % values)

    return _walk(snapshot, request, now, note), tuple(steps)


def room_of(snapshot: Snapshot, address: str) -> str | None:
    """Give the room in whose networks the IP ``address`` is; of several, the one with the smallest network."""
    return max(_holding(snapshot, address), default=(0, None))[1]


def _holding(snapshot: Snapshot, address: str) -> list[tuple[int, str]]:
    """Give each network in which the IP ``address`` is: its length, and the name of its room."""
    client = plain(address)
    if client is None:
        return []
    return [
        (network.prefixlen, name)
        for name, networks in snapshot.rooms.items()
        for network in networks
        if client in network
    ]


def _silent(_text: str, *_values: object) -> None:
    return None


def _walk(snapshot: Snapshot | None, request: Request, now: datetime, note: _Note) -> Decision:
    if now.tzinfo is None:
        raise ValueError("a decision needs an instant with a time zone")
    if snapshot is None:
        note("no snapshot has been read yet")
        return _NO_SNAPSHOT
    nobody = request.login == NOBODY and request.service is Service.WEB  # no other service knows an address alone
    if not nobody and not request.by_address:
        return _account(snapshot, request, now, None, note)
    binding = None if request.address is None else binding_of(snapshot, request.address)
    edge = None if binding is None else binding.next_change(now)
    holder = binding.login if binding is not None and binding.holds(now) else NOBODY
    note("the address is a device of %s", holder or "nobody")
    if holder != request.login:
        return Deny(Reason.OWNER_CHANGED, _OWNED if nobody else _NOT_HIS, edge)
    return (_nobody if nobody else _account)(snapshot, request, now, edge, note)


def _nobody(snapshot: Snapshot, request: Request, now: datetime, edge: datetime | None, note: _Note) -> Decision:
    """Decide on what comes from an address without owner."""
    snapshot, answers = replace(snapshot, limits=without_exemptions(snapshot.limits)), {}
    for stranger in STRANGERS:
        note("as %s without groups:", stranger.role)
        answers[stranger.role] = _by_rules(snapshot, stranger, request, now, edge, note)
    return strictest(answers)


def _account(snapshot: Snapshot, request: Request, now: datetime, edge: datetime | None, note: _Note) -> Decision:
    """Decide on what an account asks for; ``edge`` is when that could change, whatever is asked here."""
    account = snapshot.accounts.get(request.login)
    if account is None:
        note("account %s is unknown", request.login)
        return Deny(Reason.UNKNOWN_ACCOUNT, _UNKNOWN, edge)
    note("account %s is known: %s, groups %s", account.login, account.role, " ".join(account.groups) or "none")
    if account.disabled:
        note("the account is disabled")
        return Deny(Reason.DISABLED, _DISABLED, edge)
    lock, of_locks = _lock(account.locks, request.service, now)
    edge = _earliest((edge, of_locks))
    if lock is not None:
        rule = Rule("state lock", _lock_words(lock, snapshot))
        note("%s", rule.text)
        return Deny(Reason.LOCKED, rule, edge)
    note("no lock holds for %s", request.service)
    if account.must_change and request.service is not Service.PC:
        note("%s", _MUST_CHANGE.text)
        return Deny(Reason.MUST_CHANGE, _MUST_CHANGE, edge)
    if account.must_change:
        note(_PC_ASKS)  # there a one-time password is changed (K03): closing it would lock out whoever has just got one
    missing = snapshot.consents_required.get(request.service, frozenset()) - account.consents
    if missing and not account.hidden:
        rule = Rule("state consents", f"{request.service} needs consent to: {', '.join(sorted(missing))}")
        note("%s", rule.text)
        return Deny(Reason.CONSENT_MISSING, rule, edge)
    note("no consent is missing for %s", request.service)
    if request.service is not Service.WEB:
        led, of_lessons = _by_lessons(snapshot, account, request, (None, None), now, note)
        edge = _earliest((edge, of_lessons))
        if isinstance(led, Deny):
            return replace(led, valid_until=edge)
    return _by_rules(snapshot, account, request, now, edge, note)


def _by_rules(
    snapshot: Snapshot, account: Account, request: Request, now: datetime, edge: datetime | None, note: _Note
) -> Decision:
    host = None
    if request.service is Service.WEB and request.action is not Action.SIGN_IN:
        host = host_of(request.target)
        if host is None:
            note("%s", _NO_HOST.text)
            return Deny(Reason.MALFORMED, _NO_HOST, edge)
    if account.hidden and any(rule.allow and request.service in rule.services for rule in snapshot.rules):
        note("%s", _OWN.text)  # a probe finds out whether a service works, not whether lessons are on
        return _within_limits(snapshot, account, request, _OWN, now, edge, note)
    room = request.room
    if room is None and request.address is not None and _rooms_matter(snapshot):
        room = room_of(snapshot, request.address)
        note("the address is in room %s", room)
    for rule in snapshot.rules:
        miss = rule.miss(account, request, room, host)
        if miss is not None:
            note("%s %s", rule.source, miss)
            continue
        if rule.schedule is not None:
            edge = _earliest((edge, rule.schedule.next_change(now)))
            if not rule.schedule.active(now):
                note("%s is about another time", rule.source)
                continue
        note("%s decides: %s", rule.source, rule.text)
        if not rule.allow:
            return Deny(Reason.NOT_OPEN, rule.rule, edge)
        decided, until = rule.rule, edge
        if host is not None:
            address = None if request.address is None else plain(request.address)
            site = Site(account, domains_of(host), request.categories, room, address)
            found, of_sites = _on_site(snapshot, request, host, site, now, note)
            until = _earliest((edge, of_sites))
            if isinstance(found, Deny | TryLater):
                return replace(found, valid_until=until)
            decided = found or decided
        return _within_limits(snapshot, account, request, decided, now, until, note)
    note("no rule opens %s", request.service)
    return Deny(Reason.NOT_OPEN, Rule("default", f"no rule opens {request.service} here and now"), edge)


def _on_site(
    snapshot: Snapshot, request: Request, host: str, site: Site, now: datetime, note: _Note
) -> tuple[Rule | Deny | TryLater | None, datetime | None]:
    """Say what decides on a site where the web is open: what is always open, lessons, the rules; and until when."""
    if site.categories is not None:
        note("the site is in %s", ", ".join(sorted(site.categories)) or "no category")
    always, others = snapshot.web.always, snapshot.web.others
    told = note is not _silent  # the carer is told of each rule, the few that matter are found faster
    found, edge = first_match(always.rules if told else always.about(site), site, now, note)
    if found is None:
        found, later = _by_lessons(snapshot, site.account, request, (site.room, host), now, note)
        edge = _earliest((edge, later))
    if found is None:
        found, later = first_match(others.rules if told else others.about(site), site, now, note)
        edge = _earliest((edge, later))
    return found, edge


def _by_lessons(
    snapshot: Snapshot,
    account: Account,
    request: Request,
    place: tuple[str | None, str | None],
    now: datetime,
    note: _Note,
) -> tuple[Rule | Deny | None, datetime | None]:
    """Give what lessons say to ``request`` from the room and about the host of ``place``, and until when."""
    if not snapshot.lessons:
        return None, None
    found, edge = lesson_for(snapshot, account, request, *place, now)
    if found is None:
        note("nothing that is set for lessons decides")
    else:
        rule = found.rule if isinstance(found, Deny) else found
        note("%s decides: %s", rule.source, rule.text)
    return found, edge


def _rooms_matter(snapshot: Snapshot) -> bool:
    return (
        snapshot.web.rooms_matter
        or any(rule.rooms for rule in snapshot.rules)
        or any(lesson.room for lesson in snapshot.lessons)
    )


def _within_limits(
    snapshot: Snapshot,
    account: Account,
    request: Request,
    rule: Rule,
    now: datetime,
    edge: datetime | None,
    note: _Note,
) -> Decision:
    grant = limits_for(snapshot.limits, account, request.service, _rooms(snapshot, request), now)
    edge = _earliest((edge, grant.valid_until))
    for says in dict.fromkeys((grant.upload, grant.download)):
        note("%s: %s", says.source, says.text)
    size = 0 if request.size is None or request.action is Action.SIGN_IN else request.size
    if size > largest_size(snapshot.limits, grant.limits, request.service, request.action):
        note("%d bytes are too many", size)
        return Deny(Reason.TOO_LARGE, grant.rule(request.action), edge)
    return Allow(rule, grant.limits, edge)


def _rooms(snapshot: Snapshot, request: Request) -> frozenset[str]:
    """Give every room in which the request comes from, as far as a limit asks for rooms."""
    if request.room is not None:
        return frozenset({request.room})
    if request.address is None or all(rule.room is None for rule in snapshot.limits.rules):
        return frozenset()
    return frozenset(name for _, name in _holding(snapshot, request.address))


def _lock(locks: tuple[Lock, ...], service: Service, now: datetime) -> tuple[Lock | None, datetime | None]:
    """Give the lock that weighs most on ``service`` now, and the next instant at which this could be another."""
    if not locks:
        return None, None
    relevant = [lock for lock in locks if lock.service in (None, service)]
    edge = _earliest(at for lock in relevant for at in (lock.since, lock.until) if at is not None and at > now)
    holding = [lock for lock in relevant if lock.holds(now)]
    return max(holding, key=lambda lock: (lock.service is None, lock.until or _FOREVER), default=None), edge


def _lock_words(lock: Lock, snapshot: Snapshot) -> str:
    what = "the account" if lock.service is None else lock.service
    if lock.until is None or lock.until.year == MAXYEAR:
        return f"{what} is locked for good"
    return f"{what} is locked until {lock.until.astimezone(snapshot.zone):%Y-%m-%d %H:%M}"


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)
