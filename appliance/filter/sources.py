"""Which lists there are by the settings, and what their files say.

May live here: from settings to single downloads, from a file to entries. May not: the network (``fetch``), the index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from appliance.filter.archive import members, plain, refusing
from appliance.filter.entry import Entry, Kind
from appliance.filter.formats import KINDS, Reader
from appliance.filter.lines import ListRefused, lines
from appliance.filter.suffixes import public_suffixes

OWN: Final = Path(__file__).with_name("own")
"""Lists that come with the package: ``CATEGORY.list``, a domain a line."""


class _Source(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def categories(self) -> tuple[str, ...]: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def may_close(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One list to be had: from ``url`` (or a path) in the format ``form``; ``sha256`` is a checksum, or its URL."""

    url: str
    form: str
    categories: tuple[str, ...]
    sha256: str | None = None
    may_close: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is called in the folder of lists: other categories of the same place are another list."""
        return hashlib.sha256("\0".join((self.form, self.url, *self.categories)).encode()).hexdigest()[:24]

    @property
    def title(self) -> str:
        """What the carer knows it by: its categories, and where it is from."""
        few = ", ".join(self.categories[:3]) + (", ..." if len(self.categories) > 3 else "")
        return f"{few} ({self.url})"


def items(sources: Iterable[_Source]) -> tuple[Item, ...]:
    """Give the lists of ``sources``, each once, in their order."""
    return tuple(dict.fromkeys(one for source in sources for one in _items(source)))


def read(item: Item, path: Path, largest: int, left_out: list[str] | None = None) -> Iterator[Entry]:
    """Give the entries of ``item``, whose bytes are in ``path``, of at most ``largest`` bytes unpacked.

    ``left_out`` gets domains that were passed over because they cover too much. Raises :class:`ListRefused` with the
    reason, also at the very end, and ``OSError``.
    """
    suffixes, may_close = public_suffixes(), frozenset(item.may_close)
    wide: list[str] = [] if left_out is None else left_out
    with refusing():
        if item.form != "squidguard":
            with plain(path, largest) as file:
                yield from Reader(item.form, suffixes, may_close, wide).entries(
                    lines(file, largest), item.categories[0]
                )
            return
        for category, kind, file in members(path, largest):
            if category in item.categories and kind in KINDS:
                reader = Reader(item.form, suffixes, may_close, wide)
                try:
                    yield from reader.entries(lines(file, largest), category, kind)
                except ListRefused as refusal:
                    raise ListRefused(f"{category}/{kind}: {refusal}") from refusal


def own_entries(own: Mapping[str, Iterable[str]], without: Mapping[str, Iterable[str]]) -> Iterator[Entry]:
    """Give what the school adds to categories (``own``) and takes out of them: domains, or ``host/path``."""
    for allow, mapping in ((False, own), (True, without)):
        for category, texts in mapping.items():
            for text in texts:
                yield Entry(category, Kind.URL if "/" in text else Kind.DOMAIN, text, allow)


def shipped(folder: Path = OWN) -> Iterator[Entry]:
    """Give the entries of the lists that come with the package; raises ``OSError`` or :class:`ListRefused`."""
    for path in sorted(folder.glob("*.list")):
        with path.open("rb") as file:
            yield from Reader("domains", public_suffixes()).entries(lines(file, 1 << 24), path.stem)


def _items(source: _Source) -> Iterator[Item]:
    if "{category}" not in source.url:
        yield Item(source.url, source.format, source.categories, source.sha256, source.may_close)
        return
    for one in source.categories:
        url, told = source.url.replace("{category}", one), source.sha256
        yield Item(url, source.format, (one,), told and told.replace("{category}", one), source.may_close)
