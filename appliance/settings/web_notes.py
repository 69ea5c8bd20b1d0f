"""What is strange in ``web.yaml`` and may be meant: categories that no list has, names of whole top-level domains.

May live here: what to look twice at. May not: what is wrong (``checks_web``, ``checks_web_lists``), which lists have
come (``status`` says).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from appliance.policy.web import ADDRESS, UNLISTED

if TYPE_CHECKING:
    from appliance.settings.load import Settings

SHIPPED: Final = frozenset({"anonymisers", "caches", "doh", "translators"})
"""Categories whose lists come with the package."""


def web_notes(settings: Settings) -> list[str]:
    """Give a line, with the place in the settings, for each."""
    web, notes = settings.web, []
    known = {*SHIPPED, UNLISTED, ADDRESS, *web.lists.own}.union(*(one.categories for one in web.lists.sources))
    named: dict[str, Iterable[str]] = {f"web.rules[{at}]": one.categories for at, one in enumerate(web.rules)}
    named["web.blocked_categories"] = (one for some in web.blocked_categories.values() for one in some)
    for place, categories in named.items():
        if missing := sorted(set(categories) - known):
            notes.append(f"{settings.sources[place]}: no list of web.yaml has {', '.join(missing)}")
    for place, names in _domains(settings):
        if wide := sorted(name for name in names if "." not in name):
            notes.append(f"{settings.sources[place]}: {', '.join(wide)} means all sites that end so")
    return notes


def _domains(settings: Settings) -> Iterator[tuple[str, Iterable[str]]]:
    web = settings.web
    yield "web.always", web.always
    yield from ((f"web.rules[{at}]", one.targets) for at, one in enumerate(web.rules))
    yield from (("web.lists.own", names) for names in web.lists.own.values())
