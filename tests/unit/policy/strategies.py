"""What the tests of the policy are made from: one small school, and Hypothesis strategies for any school."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_network
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from appliance.policy.account import Account, Consent, Group, GroupKind, Lock, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.mailing import MailRules, RoleRules
from appliance.policy.owners import NOBODY, Binding
from appliance.policy.request import Action, Request
from appliance.policy.rules import AccessRule, Who
from appliance.policy.safe_search import Enforced, SearchRule
from appliance.policy.schedule import Days, Holidays, Schedule, Window
from appliance.policy.snapshot import Snapshot, Version
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules

BERLIN = ZoneInfo("Europe/Berlin")
FRED = "fred.mustermann"
ANNA = "anna.lehmann"

checked = settings(max_examples=50, deadline=None, database=None)


def berlin(text: str, fold: int = 0) -> datetime:
    """Give the instant at which a clock in Berlin shows ``text`` (for the first time, or with ``fold`` the second)."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


NOW = berlin("2026-11-23 09:30")  # a Monday

LESSONS = Schedule(
    frozenset(range(5)),
    (Window(time(8), time(13)),),
    BERLIN,
    Holidays.EXCEPT,
    (Days(date(2026, 12, 23), date(2027, 1, 6)),),
)


def account(login: str = FRED, **fields) -> Account:
    """Give a pupil of class 3a with every consent, but for ``fields``."""
    given = {"uid": 20000, "role": Role.PUPIL, "groups": ("klasse3a",), "consents": frozenset(Consent), **fields}
    return Account(login, **given)


def rule(source: str = "access.yaml:1 rules[0]", allow: bool = True, **fields) -> AccessRule:
    """Give a rule that opens every service to everyone, but for ``fields``."""
    return AccessRule(source, **{"services": frozenset(Service), "who": Who(everyone=True), "allow": allow, **fields})


def school(*rules: AccessRule, accounts: tuple[Account, ...] | None = None, **fields) -> Snapshot:
    """Give a snapshot with Fred the pupil, but for the arguments; without rules, one that opens all to all."""
    people = (account(),) if accounts is None else accounts
    parts = {
        "version": Version(1, 1),
        "audience": "supervisor",
        "domain": "schule.example",
        "zone": BERLIN,
        "accounts": {person.login: person for person in people},
        "rules": rules or (rule(),),
        "rooms": {
            "12": (ip_network("10.1.12.0/24"), ip_network("fd00:12::/64")),
            "12a": (ip_network("10.1.12.64/28"),),
        },
        **fields,
    }
    return Snapshot(**parts)


# -- anything --------------------------------------------------------------------------------------------------------

_CLOCKS_CHANGE = (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC))
_ROOMS = ("12", "12a", "aula")
_GROUPS = ("klasse3a", "klasse4b", "chor")
_LOGINS = (FRED, ANNA, "server.probe")

instants = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.builds(
        lambda change, seconds: change + timedelta(seconds=seconds),
        st.sampled_from(_CLOCKS_CHANGE),
        st.integers(-90_000, 90_000),
    ),
).map(lambda instant: instant.astimezone(BERLIN))
clocks = st.one_of(
    st.sampled_from(
        [time(0), time(1, 30), time(2), time(2, 15), time(2, 45), time(3), time(8), time(13), time(23, 59)]
    ),
    st.times(),
)
days_off = st.lists(
    st.builds(
        lambda first, length: Days(first, first + timedelta(length)),
        st.dates(date(2026, 1, 1), date(2027, 12, 31)),
        st.integers(0, 45),
    ),
    max_size=4,
).map(tuple)
schedules = st.builds(
    Schedule,
    st.frozensets(st.integers(0, 6)),
    st.lists(st.builds(Window, clocks, clocks), max_size=3).map(tuple),
    st.sampled_from([BERLIN, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe")]),
    st.sampled_from(Holidays),
    days_off,
)


def sets(values) -> st.SearchStrategy[frozenset]:
    return st.frozensets(st.sampled_from(values))


whos = st.builds(Who, st.booleans(), sets(Role), sets(_GROUPS), sets(_LOGINS))
rules = st.builds(
    AccessRule,
    st.integers(1, 99).map(lambda line: f"access.yaml:{line} rules"),
    sets(Service),
    whos,
    st.booleans(),
    sets(_ROOMS),
    st.lists(st.sampled_from(["example.org", "org", "schule.example"]), max_size=2).map(tuple),
    st.none() | schedules,
    st.sampled_from(["", "what the rule says"]),
)
locks = st.builds(Lock, st.none() | st.sampled_from(Service), instants, st.none() | instants)
seldom = st.integers(0, 9).map(lambda number: number == 7)
consents = st.just(frozenset(Consent)) | sets(Consent)
accounts = st.builds(
    Account,
    st.sampled_from(_LOGINS),
    st.integers(0, 2**31),
    st.sampled_from(Role),
    st.text(max_size=9),
    sets(_GROUPS).map(lambda names: tuple(sorted(names))),
    seldom,
    st.none() | instants,
    consents,
    st.lists(locks, max_size=2).map(tuple),
    seldom,
    st.booleans(),
    st.integers(0, 10**10),
)
limits = st.builds(Limits, st.integers(0, 10**8), st.integers(0, 10**8))
limit_rules = st.builds(
    LimitRule,
    st.sampled_from(["access.yaml:40 limits", "state exemption"]),
    st.none() | st.integers(0, 10**8),
    st.none() | st.integers(0, 10**8),
    st.none() | st.sampled_from(Service),
    st.none() | st.sampled_from(Role),
    st.none() | st.sampled_from(_GROUPS),
    st.none() | st.sampled_from(_LOGINS),
    st.none() | st.sampled_from(_ROOMS),
    st.none() | instants,
)
tables = st.builds(
    LimitTable,
    limits,
    st.dictionaries(st.sampled_from(Role), limits, max_size=2),
    st.integers(0, 999),
    st.lists(limit_rules, max_size=3).map(tuple),
)
role_rules = st.builds(
    RoleRules,
    sets(GroupKind),
    sets(GroupKind),
    st.booleans(),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(0, 10**15),
)
mail_rules = st.builds(
    MailRules,
    st.fixed_dictionaries(dict.fromkeys(Role, role_rules)),
    st.dictionaries(st.sampled_from(["postmaster", "sekretariat"]), whos, max_size=2),
    sets(Role),
    sets(Role),
)
search_rules = st.builds(SearchRule, st.sampled_from(["web.yaml:1", "web.yaml:2"]), whos, sets(Enforced))
networks = st.sampled_from(["10.1.12.0/24", "10.1.12.64/28", "fd00:12::/64", "0.0.0.0/0"]).map(ip_network)
lessons = st.builds(
    Lesson,
    st.integers(1, 99),
    st.sampled_from(Measure),
    instants,
    instants,
    st.none() | st.sampled_from(_GROUPS),
    st.none() | st.sampled_from(_ROOMS),
    st.lists(st.sampled_from(["example.org", "org", "schule.example"]), max_size=2).map(tuple),
    st.booleans(),
)
bindings = st.builds(Binding, st.sampled_from(_LOGINS), instants, instants)
CATEGORIES = ("games", "learning", "unlisted", "address")
web_rules = st.builds(
    WebRule,
    st.integers(1, 99).map(lambda line: f"web.yaml:{line} rules"),
    whos | st.just(Who(everyone=True)),
    st.sampled_from(Verdict),
    st.just(frozenset()) | sets(CATEGORIES),
    st.just(frozenset()) | sets(["example.org", "org", "schule.example"]),
    st.just(frozenset()) | sets(_ROOMS),
    st.just(()) | st.lists(networks, max_size=2).map(tuple),
    st.just(frozenset()) | sets(["10.1.12.3", "fd00:12::5"]),
    st.none() | schedules,
    st.sampled_from(["", "what the rule says"]),
)
snapshots = st.builds(
    lambda version, people, groups, asked, *fields: Snapshot(
        version,
        "supervisor",
        "schule.example",
        BERLIN,
        {person.login: person for person in people},
        {group.name: group for group in groups},
        tuple(asked),
        *fields,
    ),
    st.builds(Version, st.integers(0, 10**9), st.integers(0, 10**9)),
    st.lists(accounts, max_size=2),
    st.lists(st.builds(Group, st.text(max_size=9), st.sampled_from(GroupKind), st.integers(1, 99)), max_size=2),
    st.lists(rules, max_size=3),
    st.dictionaries(st.sampled_from(Service), consents, max_size=2),
    st.dictionaries(st.sampled_from(_ROOMS), st.lists(networks, max_size=2).map(tuple), max_size=2),
    tables,
    mail_rules,
    st.dictionaries(st.sampled_from(["10.1.12.3", "10.1.12.70", "fd00:12::5"]), bindings, max_size=2),
    st.lists(web_rules, max_size=4).map(WebRules),
    st.lists(lessons, max_size=2).map(tuple),
    st.lists(search_rules, max_size=2).map(tuple),
)
targets = st.one_of(
    st.sampled_from(
        [
            "https://www.example.org/x",
            "schule.example:443",
            "evil-example.org",
            "http://[fd00::1]:8080/",
            "",
            "/Groups/x",
        ]
    ),
    st.text(max_size=20),
)
addresses = st.none() | st.sampled_from(["10.1.12.70", "10.1.12.3", "::ffff:10.1.12.3", "fd00:12::5", "nonsense"])
requests = st.builds(
    Request,
    st.sampled_from([FRED, FRED, FRED, ANNA, "nobody", NOBODY]),
    st.sampled_from(Service),
    st.sampled_from(Action),
    targets,
    addresses,
    st.none() | st.sampled_from(_ROOMS),
    st.none() | st.integers(0, 10**8),
    st.booleans(),
    st.none() | sets(CATEGORIES),
)

# Schools in which the answer to a request of Fred's often hangs on the time, on a consent or on a rule.
_deciding_rules = st.builds(
    lambda services, allow, rooms, targets, schedule: rule(
        allow=allow, services=services, rooms=rooms, targets=targets, schedule=schedule
    ),
    st.just(frozenset(Service)) | sets(Service),
    st.booleans(),
    st.just(frozenset()) | sets(_ROOMS),
    st.sampled_from([(), (), ("example.org",)]),
    st.none() | schedules,
)
deciding = st.builds(
    lambda roles, asked, required, held, agreed, table, owners, web, led: school(
        *asked,
        accounts=(account(role=roles, consents=agreed, locks=tuple(held)),),
        consents_required=required,
        limits=table,
        owners=owners,
        web=WebRules(web),
        lessons=tuple(led),
    ),
    st.sampled_from(Role),
    st.lists(_deciding_rules, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(Service), sets(Consent), max_size=1),
    st.just(()) | st.lists(locks, max_size=2),
    consents,
    tables,
    st.dictionaries(st.sampled_from(["10.1.12.3", "10.1.12.70"]), bindings, max_size=2),
    st.lists(web_rules, max_size=3),
    st.just(()) | st.lists(lessons, max_size=3),
)
freds_requests = requests.map(lambda request: replace(request, login=FRED))
nobodys_requests = requests.map(lambda request: replace(request, login=NOBODY, service=Service.WEB))
