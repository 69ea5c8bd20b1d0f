"""What must fit together for each source of the web filter's lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.daemon.options_reading import Reading
from appliance.settings.web_lists import ListSource


def _one_category(reading: Reading) -> None:
    """A file makes one category; of a folder of squidGuard several can be taken."""
    sources: Sequence[ListSource] = reading.value("web.lists.sources")
    for number, source in enumerate(sources):
        if source.format != "squidguard" and "{category}" not in source.url and len(source.categories) > 1:
            path = f"web.lists.sources[{number}].categories"
            found = f"{len(source.categories)} categories out of one list of format {source.format}"
            reading.report(reading.sources[path], found, "one category, or {category} in the url")


def _one_checksum(reading: Reading) -> None:
    """One checksum cannot be that of several files."""
    sources: Sequence[ListSource] = reading.value("web.lists.sources")
    for number, source in enumerate(sources):
        told = source.sha256 or ""
        if "{category}" in source.url and len(source.categories) > 1 and told and not told.startswith("http"):
            path = f"web.lists.sources[{number}].sha256"
            reading.report(reading.sources[path], "one checksum for several files", "the URL of a file with all")


WEB_LIST_CHECKS: Sequence[Callable[[Reading], None]] = (_one_category, _one_checksum)
