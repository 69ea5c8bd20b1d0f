"""How lists are written: squidGuard's and UT1's folders, hosts files, plain domains, Adblock's rules about domains.

May live here: lines in, entries out, and when a list is refused as a whole. May not: files on the disk and their bounds
(``archive``, ``lines``), where a list comes from (``sources``). What a line of a browser's list asks for beyond a
domain (elements, types of requests, patterns) is passed over: the proxy sees no page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.filter.entry import Entry, Kind
from appliance.filter.lines import ListRefused, shown
from appliance.filter.names import domain_of, url_of
from appliance.filter.suffixes import Suffixes

FORMATS: Final = ("squidguard", "domains", "hosts", "adblock")
"""The names of the formats, as settings have them."""

WIDE: Final = 100
"""Lines of a list that may name a public suffix of several labels, such as ``game.tw``: UT1 has some.

They are passed over. Who names a whole top-level domain, or more of them, means no good.
"""

_FEW: Final = 20
_SHARE: Final = 0.1
"""Lines of a list that may say nothing we know, so many or this part of all; with more it is another format."""

_HERE = re.compile(r"0\.0\.0\.0|127\.[0-9.]+|::1?|0")
_OWN_NAMES = frozenset(
    {
        *("localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0"),  # noqa: S104 - a name there
        *("ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters"),
        *("ip6-allhosts", "localhost4", "localhost6", "localhost4.localdomain4", "localhost6.localdomain6"),
    }
)
_ADBLOCK = re.compile(r"(@@)?\|\|([^/^$|*]+|\*\.[^/^$|*]+)\^?\|?(?:\$([a-z0-9,~_=-]+))?")
_WHOLE_SITE = frozenset({"important", "all", "doc", "document"})
_COSMETIC = re.compile(r"#[@?$%]*#")

Found = Iterator[tuple[Kind, str, bool]]


@dataclass(slots=True)
class Reader:
    """Reads the files of one list in the format ``form``; public ``suffixes`` are not taken, but for ``may_close``.

    ``left_out`` gets those of several labels that were passed over.
    """

    form: str
    suffixes: Suffixes
    may_close: frozenset[str] = frozenset()
    left_out: list[str] = field(default_factory=list)
    read: int = field(default=0, init=False)
    strange: int = field(default=0, init=False)
    example: str = field(default="", init=False)

    def entries(self, lines: Iterable[tuple[int, str]], category: str, kind: str = "domains") -> Iterator[Entry]:
        """Give what ``lines`` (number, text) say of ``category``; ``kind`` is the file's name, with squidGuard.

        Raises :class:`ListRefused` when a line covers a top-level domain, when too many cover another public suffix
        and, at the end, when too many lines are strange.
        """
        understand = _KINDS[kind] if self.form == "squidguard" else _READERS[self.form]
        for number, line in lines:
            self.read += 1
            found = False
            for what, text, allow in understand(line):
                found = True
                if not text:
                    continue
                if what is Kind.DOMAIN and self.suffixes.has(text) and text not in self.may_close:
                    self.left_out.append(text)
                    if "." not in text or len(self.left_out) > WIDE:
                        raise ListRefused(f"line {number} would cover all of {shown(text)!r}, a public suffix")
                    continue
                yield Entry(category, what, text, allow)
            if not found:
                self.strange += 1
                self.example = self.example or f"line {number}: {shown(line)!r}"
        if self.strange > max(_FEW, self.read * _SHARE) or self.strange == self.read > 0:
            raise ListRefused(
                f"{self.strange:,} of {self.read:,} lines are no {self.form} (the first is {self.example})"
            )


def _domains(line: str) -> Found:
    text = line.partition("#")[0]
    domain = domain_of(text)
    if domain is not None:
        yield Kind.DOMAIN, domain, False
    elif (url := url_of(text)) is not None:
        yield Kind.URL, url, False


def _urls(line: str) -> Found:
    url = url_of(line)
    if url is not None:
        yield Kind.URL, url, False
    elif (domain := domain_of(line.removesuffix("/"))) is not None:
        yield Kind.DOMAIN, domain, False


def _expressions(line: str) -> Found:
    yield Kind.EXPRESSION, line, False


def _hosts(line: str) -> Found:
    address, *names = line.partition("#")[0].split() or [""]
    if not _HERE.fullmatch(address) and any(name.lower() not in _OWN_NAMES for name in names):
        return  # it leads elsewhere and closes nothing
    for name in names:
        domain = domain_of(name)
        if name.lower() in _OWN_NAMES:
            yield Kind.DOMAIN, "", False
        elif domain is not None:
            yield Kind.DOMAIN, domain, False


def _adblock(line: str) -> Found:
    """Rules that a browser applies to a whole site (https://help.adblockplus.org/hc/en-us/articles/360062733293)."""
    if line[0] in "![" or _COSMETIC.search(line):
        yield Kind.DOMAIN, "", False
        return
    found = _ADBLOCK.fullmatch(line)
    if found is None:
        domain = domain_of(line) if "." in line else None
        yield Kind.DOMAIN, domain or "", False
        return
    options = frozenset((found[3] or "").split(",")) - {""}
    domain = domain_of(found[2])
    if domain is not None:
        yield Kind.DOMAIN, domain if options <= _WHOLE_SITE else "", found[1] is not None


_KINDS: Mapping[str, Callable[[str], Found]] = {"domains": _domains, "urls": _urls, "expressions": _expressions}
_READERS: Mapping[str, Callable[[str], Found]] = {"domains": _domains, "hosts": _hosts, "adblock": _adblock}
KINDS: Final = tuple(_KINDS)
"""The files of a folder of squidGuard that are read."""
