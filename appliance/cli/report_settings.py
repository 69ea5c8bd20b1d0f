"""Settings for a support bundle: what the carer changed, with everything that could be a person's or a secret left out.

May live here: which words may stay. May not: reading the folder as a whole (``settings.load``). Only words of our own
tables stay - keys, choices, numbers, sizes, times; whatever the carer made up himself (names, logins, addresses, hosts,
paths below his own) does not, so nothing has to be guessed. Comments go, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from appliance.daemon.options import Option, options_of
from appliance.policy.account import Consent, Role, Service
from appliance.settings.files import FILES

REMOVED: Final = "(removed)"
_UNITS = r"B|kB|KB|KiB|MB|MiB|GB|GiB|TB|TiB|ms|s|min|h|days?|weeks?"
_PLAIN = re.compile(rf"-?[0-9]+(\.[0-9]+)?( ?({_UNITS}))?|[0-2]?[0-9]:[0-5][0-9]|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}")
"""Numbers, sizes, durations, times of day, days."""
_OWN: Final = frozenset(
    {"users", "groups", "targets", "to", "sender", "login", "name", "names", "domain", "always", "exceptions"}
)
"""Keys below which nothing stays that is not a mapping: whatever stands there, the carer made it up."""
_WORDS: Final = frozenset(
    {
        "all",
        "any",
        "auto",
        "except",
        "off",
        "only",
        "open",
        "mo",
        "tu",
        "we",
        "th",
        "fr",
        "sa",
        "su",
        "mail",
        "files",
        "web",
        "pc",
    }
    | {"allow", "deny", "Europe/Berlin"}
)


def shared_settings(folder: Path) -> dict[str, str]:
    """Give the files in ``folder`` (name to YAML text) as they may leave the school; raises ``OSError``."""
    keys, words = _vocabulary()
    found = {}
    for name in FILES:
        path = folder / f"{name}.yaml"
        if not path.exists():
            continue
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            found[path.name] = f"# cannot be read: {type(problem).__name__}\n"
            continue
        found[path.name] = yaml.safe_dump(_shared(content, keys, words), sort_keys=False, allow_unicode=True)
    return found


def _shared(value: Any, keys: frozenset[str], words: frozenset[str]) -> Any:
    if isinstance(value, dict):
        shown: dict[str, Any] = {}
        for number, (key, inner) in enumerate(value.items(), 1):
            known = isinstance(key, str) and (key in keys or key in words)
            name = key if known else f"{REMOVED} {number}"
            own = name in _OWN and inner is not None and not isinstance(inner, dict)
            shown[name] = REMOVED if own else _shared(inner, keys, words)
        return shown
    if isinstance(value, list):
        return [_shared(inner, keys, words) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value if abs(value) < 10**15 else REMOVED
    text = str(value)
    return text if text in words or _PLAIN.fullmatch(text) else REMOVED


def _vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    """The keys of all tables, and the words that a choice offers."""
    keys: set[str] = set()
    words = {str(word) for kind in (Role, Service, Consent) for word in kind} | _WORDS
    for section in FILES.values():
        for option in options_of(section):
            for each in _inside(option):
                if isinstance(each, Option):
                    keys.add(each.key)
                elif isinstance(each, str) and " | " in each:
                    words.update(each.split(" | "))
    return frozenset(keys), frozenset(words)


def _inside(thing: Any, depth: int = 12) -> Iterator[Any]:
    """Everything that an option is made of: options of inner tables, names of types."""
    yield thing
    if depth == 0:
        return
    if isinstance(thing, (tuple, list)):
        for each in thing:
            yield from _inside(each, depth - 1)
    elif is_dataclass(thing) and not isinstance(thing, type):
        if isinstance(getattr(thing, "name", None), str):
            yield thing.name  # type: ignore[attr-defined]  # types of options have names
        for field in fields(thing):
            if field.name not in ("default", "example", "help", "unit", "make", "parse"):
                yield from _inside(getattr(thing, field.name), depth - 1)
