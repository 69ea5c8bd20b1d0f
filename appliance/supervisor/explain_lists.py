"""What the lists say of a site, in the words of the policy and of the carer who asks why (K13).

May live here: from a target to its categories, and the lines that say so. May not: how lists are searched
(``filter.finding``), who may see the site (``policy``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.filter.finding import found_in
from appliance.filter.index import Index
from appliance.filter.layout import BrokenIndex
from appliance.filter.record import INDEX, folder_of
from appliance.policy.owners import plain
from appliance.policy.web import ADDRESS, UNLISTED

if TYPE_CHECKING:
    from appliance.settings.load import Settings


@dataclass(frozen=True, slots=True)
class Listed:
    """The ``categories`` of a site as the proxy sees them, and what to say about them."""

    categories: frozenset[str] = frozenset()
    steps: tuple[str, ...] = ()


def listed(settings: Settings, host: str, target: str) -> Listed:
    """Look up ``host`` (lower case, IDNA), and what ``target`` asks for there if it is a URL without encryption."""
    path = _path(target)
    folder = folder_of(settings.server.state)
    try:
        index = Index.open(folder / INDEX)
    except (BrokenIndex, OSError):
        return Listed(_in_words(settings, host, frozenset()), ("there are no lists that could be looked up",))
    categories = index.of(host) if path is None else index.of_url(host, path)
    found = found_in(folder, settings.web.lists, index.matches(host, path))
    return Listed(_in_words(settings, host, categories), tuple(map(str, found)))


def _path(target: str) -> str | None:
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() != "http":
        return None
    return f"/{rest.partition('/')[2]}"


def _in_words(settings: Settings, host: str, found: frozenset[str]) -> frozenset[str]:
    """Give ``found`` as the policy calls it; who is named by hand may be an address."""
    address = plain(host)
    if address is not None and address.is_global and host not in {one.host for one in settings.proxy.exceptions}:
        return found | {ADDRESS}
    return found or frozenset({UNLISTED})
