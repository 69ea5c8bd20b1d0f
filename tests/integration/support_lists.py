"""Lists of the web filter for tests: an index at the place where the proxy looks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from appliance.filter.build import build
from appliance.filter.entry import Entry, Kind
from appliance.filter.record import INDEX, folder_of


def put_lists(state: Path, lists: Mapping[str, Iterable[str]]) -> Path:
    """Make the index of ``lists`` (category to domains) below the folder ``state`` of a server, and give its path."""
    folder = folder_of(state)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    entries = (Entry(category, Kind.DOMAIN, domain) for category, domains in lists.items() for domain in domains)
    build(entries, folder / INDEX)
    return folder / INDEX
