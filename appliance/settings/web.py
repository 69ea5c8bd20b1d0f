"""``web.yaml``: which sites are open to whom, where and when (K13), as written.

What it means to the policy is made by ``web_compile``. Who may use the web at all stands in ``access.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from appliance.daemon.options import REQUIRED, option
from appliance.daemon.options_collections import ListOf, MappingOf, Maybe
from appliance.daemon.options_network import NETWORK, Network
from appliance.daemon.options_table import table
from appliance.daemon.options_values import Scalar, choice, text
from appliance.policy.account import Role
from appliance.policy.targets import host_of
from appliance.policy.web import Verdict
from appliance.settings.rule_words import Words
from appliance.settings.web_lessons import WebLessons
from appliance.settings.web_lists import CATEGORY, WebLists
from appliance.settings.web_search import SAFE_SEARCH, SafeSearchEntry


def _site(value: str) -> str:
    host = host_of(value.removeprefix("*."))
    if host is None or ":" in value:
        raise ValueError
    return host


def _device(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError from None  # its text would be taken for what was meant


SITE: Final = Scalar("domain", "a domain such as example.org, which means all below it too", _site)
_DEVICE = Scalar("address", "an IP address such as 10.1.12.3", _device)
_EVERYBODY = ["malware", "phishing"]
_ADULTS = ("teacher", "staff", "office", "admin")
_PUPILS = [
    *("adult", "agressif", "anonymisers", "caches", "dangerous_material", "doh", "drogue", "gambling", "redirector"),
    *("translators", "vpn", *_EVERYBODY),
]


@dataclass(frozen=True, slots=True)
class SiteRule(Words):
    """One rule about sites as written; empty fields do not narrow it."""

    verdict: Verdict = option(
        choice(Verdict),
        REQUIRED,
        "What it says to the sites that it names: allow, block, only (these and no others), or always (whatever "
        "lessons and other rules say).",
        example="block",
    )
    categories: tuple[str, ...] = option(
        ListOf(CATEGORY),
        [],
        "Sites of these categories; unlisted is what is on no list, address what is asked for by an address of the "
        "internet. With neither categories nor targets it is about every site.",
        example=["games", "unlisted"],
    )
    targets: tuple[str, ...] = option(
        ListOf(SITE), [], "Sites of these domains and all below them.", example=["example.org"]
    )
    networks: tuple[Network, ...] = option(ListOf(NETWORK), [], "Only from these networks.", example=["10.1.40.0/22"])
    devices: tuple[str, ...] = option(ListOf(_DEVICE), [], "Only from these addresses.", example=["10.1.12.3"])


@dataclass(frozen=True, slots=True)
class Web:
    """The file as written; ``blocked_categories`` by role."""

    rules: tuple[SiteRule, ...] = option(
        ListOf(table(SiteRule), repeats=True),
        [],
        "The first rule that is about a site decides on it, before blocked_categories.",
        example=[
            {"verdict": "only", "groups": ["klasse3a"], "rooms": ["12"], "categories": ["learning"]},
            {"verdict": "block", "roles": ["pupil"], "categories": ["games"], "times": ["07:30-13:15"]},
        ],
    )
    blocked_categories: Mapping[Role, tuple[str, ...]] = option(
        MappingOf(choice(Role), ListOf(CATEGORY)),
        {"pupil": sorted(_PUPILS), **{role: [*_EVERYBODY] for role in _ADULTS}},
        "Categories closed to each role where no rule says otherwise (K13).",
        example={"pupil": ["adult", "vpn"], "teacher": ["malware"]},
    )
    always: tuple[str, ...] = option(
        ListOf(SITE),
        [],
        "Domains, with all below them, that are open to everybody who may use the web, whatever lessons, rules and "
        "categories say.",
        example=["fragfinn.example"],
    )
    safe_search: tuple[SafeSearchEntry, ...] = option(
        SAFE_SEARCH,
        [{"roles": ["pupil"]}],
        "For whom search engines and YouTube leave out what is not for children (K13). The first rule that fits "
        "counts.",
        example=[
            {"groups": ["klasse10a"], "youtube": "moderate"},
            {"roles": ["pupil"], "search": True, "youtube": "strict"},
        ],
    )
    ask: str | None = option(
        Maybe(text()),
        None,
        "Whom the page that tells why a site is closed names to ask; none: whoever looks after the server.",
        example="Frau Meier, Raum 101",
    )
    lessons: WebLessons = option(
        table(WebLessons), {}, "What may be set for lessons (schoolserver web), for how long and by whom."
    )
    lists: WebLists = option(table(WebLists), {}, "The lists that say which site is in which category (K13).")
