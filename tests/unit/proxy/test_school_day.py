"""A school day replayed: 600 people, rules by the clock, lessons, locks, lists, new rules; each answer is the policy's.

What a worker of the proxy has open goes on exactly as long as :func:`appliance.policy.rules.decide` says yes, asked
anew with what a naive reader finds in the lists, and ends within two seconds of a no.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import pytest

from appliance.daemon.sessions import Sessions
from appliance.policy.account import Account, Consent, Lock, Role, Service
from appliance.policy.audience import for_audience
from appliance.policy.decision import Allow, Deny, Limits
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.limits import LimitTable
from appliance.policy.owners import NOBODY, Binding
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot, Version, decode, encode
from appliance.policy.web import ADDRESS, UNLISTED
from appliance.proxy.exempt import Exempt
from appliance.proxy.gate import Gate, Wish
from appliance.proxy.metering import Meters
from appliance.proxy.session import WebSession, admit
from appliance.proxy.target import Where
from appliance.session.house import House
from appliance.session.obstacle import Obstacle
from appliance.session.signed_in import SignedIn
from appliance.settings.load import load

from .gate_school import index

WITHIN = timedelta(seconds=2)
CLASSES = [f"klasse{year}{letter}" for year in range(1, 5) for letter in "abcdef"]
ROOMS = [str(number) for number in range(1, 31)]
NETWORK = "rooms:\n" + "".join(f'  "{room}": [10.1.{room}.0/24]\n' for room in ROOMS)
SCHOOL = "holidays: [{name: Herbst, first: 2026-10-26, last: 2026-10-31}]\n"
ACCESS = """\
modules: {web: all}
consents: {web: [logs]}
rules:
- {deny: [web], roles: [pupil], times: [22:00-06:00]}
- {deny: [web], groups: [klasse4f], weekdays: [mon], times: ['10:00-10:45']}
"""
WEB = """\
always: [fragfinn.example]
blocked_categories: {pupil: [games, doh, malware], teacher: [malware], staff: [malware], office: [], admin: []}
rules:
- {verdict: only, groups: [klasse1a, klasse1b], categories: [learning], times: ['07:30-13:15'], holidays: except}
- {verdict: allow, groups: [klasse3a], targets: [www.spiele0.example], times: ['11:00-11:20']}
- {verdict: block, roles: [pupil], rooms: ["7", "8"], categories: [video, unlisted], times: ['08:00-12:30']}
- {verdict: block, users: [pupil17], targets: [learning1.example]}
- {verdict: block, networks: [10.1.20.0/24], categories: [social], weekdays: [mon-fri], times: ['08:00-09:35']}
- {verdict: block, devices: [10.1.30.9], times: ['09:00-10:00']}
- {verdict: block, roles: [pupil], categories: [social], times: ['08:00-13:00'], holidays: except}
"""
LATER = WEB + "- {verdict: only, groups: [klasse2c], targets: [learning2.example], times: ['12:00-13:00']}\n"
KINDS = ("games", "learning", "video", "social", "malware", "doh")
LISTED = {kind: [f"{kind}{number}.example" for number in range(4)] for kind in KINDS}
NEXT = {**LISTED, "games": [*LISTED["games"], "neu1.example", "video1.example"], "social": LISTED["social"][:2]}
HOSTS = [
    *(f"{sub}{domain}" for domains in LISTED.values() for domain in domains for sub in ("", "www.")),
    *("fragfinn.example", "neu1.example", "neu2.example", "93.184.215.14", "schule.example"),
]


class Clock:
    """A loop and the time on the wall, which stands still until somebody turns it."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._timers: list = []
        self._number = count()

    def call_later(self, seconds, callback):
        timer = [self.now + timedelta(seconds=seconds), next(self._number), callback]
        heapq.heappush(self._timers, timer)

        def cancel():
            timer[2] = lambda: None

        return cancel

    def turn(self, until: datetime) -> None:
        while self._timers and self._timers[0][0] <= until:
            at, _number, callback = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            callback()
        self.now = until


class Flow:
    """What is under way in a session."""

    def stop(self, _refused) -> None:
        pass


class Day:
    """A worker of the proxy, the school whose snapshots it gets, and what it has open."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.random = Random(9)
        for name, text in (("network", NETWORK), ("school", SCHOOL), ("access", ACCESS), ("web", WEB)):
            (folder / f"{name}.yaml").write_text(text)
        self.settings = load(folder)
        self.clock = Clock(datetime(2026, 11, 23, 7, 0, tzinfo=self.settings.school.zone).astimezone(UTC))
        self.people = {one.login: one for one in self._people()}
        self.owners: dict[str, Binding] = {}
        self.lessons: dict[int, Lesson] = {}
        self.listed = LISTED
        self.version = 0
        self.told = Counter()
        self.open: dict[WebSession, Wish] = {}
        self.sessions = Sessions(self.clock, lambda: self.clock.now)
        self.publish()
        house = House(snapshot=lambda: self.snapshot, journal=self, now=lambda: self.clock.now)
        self.gate = Gate(house, index(LISTED), frozenset(), Meters(600.0), Exempt([]))

    def _people(self):
        for number in range(560):
            group = CLASSES[number % len(CLASSES)]
            yield Account(f"pupil{number}", number, Role.PUPIL, "", (group,), consents=frozenset(Consent))
        for number in range(40):
            role = (Role.TEACHER, Role.TEACHER, Role.STAFF, Role.OFFICE, Role.ADMIN)[number % 5]
            yield Account(f"adult{number}", 600 + number, role, consents=frozenset(Consent))

    def record(self, _event) -> None:
        pass

    def refuse(self, _service, reason, _rule) -> str:
        self.told[reason] += 1
        return "CODE"

    def publish(self) -> None:
        """Give the worker a new snapshot, as it would be on disk."""
        self.version += 1
        access = self.settings.access
        whole = Snapshot(
            Version(1, self.version),
            "supervisor",
            "schule.example",
            self.settings.school.zone,
            dict(self.people),
            rules=access.rules,
            consents_required=access.consents_required,
            rooms=self.settings.network.rooms,
            limits=LimitTable(Limits(10**9, 10**9)),
            owners=dict(self.owners),
            web=self.settings.web_rules,
            lessons=tuple(self.lessons.values()),
        )
        self.snapshot = decode(encode(for_audience(whole, "web")))
        self.whole = whole
        self.sessions.recheck_all()

    def change(self, login: str, **fields) -> None:
        self.people[login] = replace(self.people[login], **fields)
        self.publish()

    def lead(self, number: int, measure: Measure, minutes: int, **about) -> None:
        """Somebody sets measure ``number`` for a lesson of so many minutes; of none: he ends it."""
        since, until = self.clock.now, self.clock.now + timedelta(minutes=minutes)
        self.lessons[number] = Lesson(number, measure, since, until, **about)
        if not minutes:
            del self.lessons[number]
        self.publish()

    def lists(self, listed) -> None:
        self.listed = listed
        self.gate.renew(index(listed), frozenset(), self.gate.exempt)
        self.sessions.recheck_all()

    def rules(self, text: str) -> None:
        (self.folder / "web.yaml").write_text(text)
        self.settings = load(self.folder)
        self.publish()

    def answer(self, wish: Wish):
        """What the policy says now, by what a naive reader finds in the lists."""
        host = wish.where.host
        found = {
            kind
            for kind, domains in self.listed.items()
            if any(host == domain or host.endswith(f".{domain}") for domain in domains)
        }
        if host[0].isdigit():
            found.add(ADDRESS)
        request = Request(
            wish.guest.login,
            Service.WEB,
            wish.action,
            str(wish.where),
            wish.address,
            by_address=wish.guest.by_address,
            categories=frozenset(found or {UNLISTED}),
        )
        return decide(self.whole, request, self.clock.now)

    def ask(self) -> None:
        """Somebody, somewhere, asks for some site."""
        random = self.random
        login, address = random.choice(list(self.people)), f"10.1.{random.choice(ROOMS)}.{random.randint(2, 250)}"
        by_address = random.random() < 0.2
        if by_address:
            address = f"10.1.30.{random.randint(2, 20)}"
            binding = self.owners.get(address)
            login = binding.login if binding is not None and binding.holds(self.clock.now) else NOBODY
        guest = SignedIn(login, self.clock.now, None, by_address)
        tunnel = random.random() < 0.7
        where = Where(random.choice(HOSTS), 443 if tunnel else 80)
        wish = Wish(guest, where, tunnel, Action.FETCH, address)
        found, wanted = admit(self.gate, wish, 0.0), self.answer(wish)
        assert isinstance(found, Obstacle) is isinstance(wanted, Deny), (wish, found, wanted)
        if isinstance(found, Obstacle):
            assert found.why is wanted.reason
            return
        found.flow = Flow()
        self.open[found] = wish
        self.sessions.add(found, found.valid_until)

    def look(self) -> None:
        """Whatever is open may be, whatever was ended may not."""
        for session, wish in list(self.open.items()):
            allowed = isinstance(self.answer(wish), Allow)
            assert session.ended is not allowed, (self.clock.now, wish, self.answer(wish))
            if session.ended:
                self.told["ended"] += 1
                self.sessions.remove(session)
                del self.open[session]


@pytest.fixture
def day(tmp_path):
    return Day(tmp_path)


def test_a_school_day(day):
    start, lock = day.clock.now, Lock(Service.WEB, day.clock.now, None)
    three_a = [login for login, one in day.people.items() if "klasse3a" in one.groups]

    def at(clock: str) -> int:
        hours, minutes = map(int, clock.split(":"))
        return (hours - 7) * 60 + minutes

    def bind(login: str) -> None:
        day.owners = {
            f"10.1.30.{number}": Binding(login, start, start + timedelta(hours=2 + number % 5))
            for number in range(2, 12)
        }
        day.publish()

    def films() -> None:
        day.lead(5, Measure.ALLOW, 25, group="klasse1c", targets=("games1.example", "neu2.example"))
        day.lead(6, Measure.ALLOW, 90, room="8", targets=("video2.example",))

    happens = {
        at("07:05"): lambda: bind("pupil17"),
        at("08:10"): lambda: [day.change(login, locks=(lock,)) for login in three_a[:3]],
        at("08:20"): lambda: [day.lead(int(room), Measure.BLOCK, 45, room=room) for room in ("11", "12", "13")],
        at("08:40"): lambda: day.change("pupil1", locks=(Lock(None, start, start + timedelta(hours=4)),)),
        at("09:05"): lambda: day.lists(NEXT),
        at("09:10"): lambda: day.lead(2, Measure.EXAM, 50, group="klasse2a", targets=("learning3.example",)),
        at("09:15"): lambda: day.lead(3, Measure.EXAM, 120, group="klasse2b", room="5", targets=("schule.example",)),
        at("09:30"): lambda: day.change("pupil2", consents=frozenset()),
        at("10:15"): lambda: bind("pupil30"),
        at("10:20"): films,
        at("10:30"): lambda: day.lead(7, Measure.BLOCK, 60, room="8"),
        at("10:40"): lambda: day.lead(3, Measure.EXAM, 0),
        at("10:50"): lambda: [day.change(login, locks=()) for login in three_a[:3]],
        at("11:40"): lambda: day.rules(LATER),
        at("12:10"): lambda: day.change("pupil3", disabled=True),
        at("12:40"): lambda: day.lists(LISTED),
        at("13:30"): lambda: day.change("adult1", role=Role.PUPIL),
    }
    for minute in range(at("14:00")):
        if minute in happens:
            happens[minute]()
            day.clock.turn(day.clock.now + WITHIN)
            day.look()
        for _ in range(6):
            day.ask()
        day.clock.turn(start + timedelta(minutes=minute + 1))
        day.clock.turn(day.clock.now + WITHIN)
        if minute % 5 == 4:
            day.look()
    assert day.told["ended"] > 100, "the day has ends in it"
    reasons = {"closed-category", "closed-site", "not-open", "locked", "lesson", "exam", "ended"}
    assert {str(reason) for reason in day.told} >= reasons
    assert len(day.open) > 500
