"""``web.yaml: lists``: where the lists of the web filter come from, and what the school adds to them or takes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.daemon.options import REQUIRED, option
from appliance.daemon.options_collections import ListOf, MappingOf, Maybe
from appliance.daemon.options_numbers import duration, size
from appliance.daemon.options_table import table
from appliance.daemon.options_values import Scalar, choice, text
from appliance.policy.targets import host_of

CATEGORY = text(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", "a category, as lists call it", longest=63)
"""The name of a category."""
UT1 = "https://dsi.ut-capitole.fr/blacklists/download/{category}.tar.gz"
"""The lists of the University of Toulouse (CC BY-SA 4.0), one by one."""
_UT1_CATEGORIES = [
    *("adult", "agressif", "dangerous_material", "doh", "drogue", "gambling", "malware", "phishing", "redirector"),
    "vpn",
]
_OWN_SUFFIXES = ["adult", "porn", "sex", "xxx"]
_FORMATS = ("squidguard", "domains", "hosts", "adblock")
_PLACE = r"(https?://[!-~]+|/[^\x00]*)"


def _domain_or_path(value: str) -> str:
    host, _, path = value.removeprefix("*.").partition("/")
    found = host_of(host)
    if found is None or ":" in host or (path and not re.fullmatch(r"[!-~]+", path)):
        raise ValueError
    return f"{found}/{path}" if path else found


_ENTRY = Scalar("domain", "a domain such as example.org, or with a path such as example.org/games", _domain_or_path)
_SUFFIX = text(r"[a-z0-9-]+(\.[a-z0-9-]+)*", "a public suffix such as xxx", longest=63)
_SHA256 = text(r"[0-9a-f]{64}|https?://[!-~]+", "64 hexadecimal digits, or the URL of a file with them", longest=500)


@dataclass(frozen=True, slots=True)
class ListSource:
    """One source; ``url`` is an address or a path of this machine, ``categories`` those that are taken from it."""

    url: str = option(
        text(_PLACE, "an address with http:// or https://, or a path of this machine", longest=500),
        REQUIRED,
        "Where it is; {category} stands for each of its categories, one after the other. A path of this machine may "
        "be a folder, if its format is squidguard.",
        example="https://lists.example/hosts.txt",
    )
    format: str = option(
        choice(_FORMATS),
        REQUIRED,
        "How it is written: squidguard (and UT1: folders of categories, in an archive or not), domains (one a line), "
        "hosts (as /etc/hosts), adblock (rules about whole domains count).",
        example="hosts",
    )
    categories: tuple[str, ...] = option(
        ListOf(CATEGORY, fewest=1),
        REQUIRED,
        "Which categories are taken, as the folders are called; for other formats the one that it makes. Several "
        "sources may have the same category.",
        example=["publicite"],
    )
    sha256: str | None = option(
        Maybe(_SHA256),
        None,
        "Its checksum, or where that stands (as sha256sum writes it); without it the list must come over HTTPS to be "
        "what its makers wrote.",
        example="https://lists.example/hosts.txt.sha256",
    )
    may_close: tuple[str, ...] = option(
        ListOf(_SUFFIX),
        [],
        "Public suffixes that it may close as a whole. A list with any other one (de, co.uk) is refused.",
        example=["xxx"],
    )


@dataclass(frozen=True, slots=True)
class WebLists:
    """The lists: sources, and the school's own entries by category; ``stale`` in seconds, ``largest`` in bytes."""

    sources: tuple[ListSource, ...] = option(
        ListOf(table(ListSource)),
        [{"url": UT1, "format": "squidguard", "categories": _UT1_CATEGORIES, "may_close": _OWN_SUFFIXES}],
        "Where lists come from, each day at night and with: schoolserver web lists update.",
        example=[
            {"url": "https://lists.example/hosts.txt", "format": "hosts", "categories": ["publicite"]},
            {"url": "/srv/lists", "format": "squidguard", "categories": ["games", "social_networks"]},
        ],
    )
    own: Mapping[str, tuple[str, ...]] = option(
        MappingOf(CATEGORY, ListOf(_ENTRY)),
        {},
        "What belongs to a category beside its lists, or makes a category of your own: domains, which mean all below "
        "them too, and for pages without encryption also the beginnings of addresses.",
        example={"games": ["spiele.example"], "not_at_school": ["example.org/chat"]},
    )
    without: Mapping[str, tuple[str, ...]] = option(
        MappingOf(CATEGORY, ListOf(_ENTRY)),
        {},
        "What does not belong to a category although a list has it.",
        example={"drogue": ["drugcom.example"]},
    )
    largest: int = option(
        size(1000, 2**34),
        "512 MiB",
        "Bytes that one list may have, unpacked; a larger one is not taken.",
        example="1 GiB",
    )
    stale: float = option(
        duration(86400, 366 * 86400),
        "14 days",
        "With a list that could not be asked for longer than this, status is not well.",
        example="30 days",
    )
