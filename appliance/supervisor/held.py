"""Settings that a running server cannot take over: they count from its next start, and whoever reloads is told so.

Pure. Without this the supervisor would look for services where they will listen only then, and find them dead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from appliance.settings.load import Settings

_HELD: Final = {
    "server": ("state", "runtime", "data", "identity", "first_id", "launcher", "watchdog", "audit_log"),
    "network": ("listen",),
    "directory": ("kind", "uri", "base", "timeout", "connections"),
    "auth": ("threads",),
    "mail": ("workers",),
    "proxy": ("workers",),
    "fileshare": ("workers",),
    "domain": ("name", "workgroup", "host", "interfaces", "dns_forwarders", "time_servers"),
}
"""Names of settings by the section (file) that they stand in."""
_WLAN: Final = "wlan_networks"
"""The first of them, and none any more, open and close ports; else running parts take over which they are."""
_FOR_EVER: Final = ("domain.name", "domain.workgroup", "domain.host")
_ENGINES: Final = {"domain.interfaces": "domain", "domain.dns_forwarders": "domain", "domain.time_servers": "time"}
"""What only an engine goes by, and its unit."""
_ANEW: Final = {
    "systemd": "schoolserver setup && systemctl restart schoolserver.target",
    "children": "start the server anew",
}


def held(started: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """Give ``new`` with what must stay as in ``started``, and a line for the carer on each that does."""
    sections: dict[str, Any] = {}
    lines = []
    for section, names in _HELD.items():
        if section == "domain" and started.directory.kind != "domain":
            continue  # nothing goes by it
        before, after = getattr(started, section), getattr(new, section)
        stay = {name: getattr(before, name) for name in (*names, *_with_ports(section, before, after))}
        for name, value in stay.items():
            keys = _changed(name, value, getattr(after, name))
            lines += [f"{section}.yaml: {key} stays as it was{_until(started, f'{section}.{name}')}" for key in keys]
        sections[section] = replace(after, **stay)
    return replace(new, **sections), lines


def _with_ports(section: str, before: Any, after: Any) -> tuple[str, ...]:
    turned = section == "network" and bool(before.wlan_networks) != bool(after.wlan_networks)
    return (_WLAN,) if turned else ()


def _until(started: Settings, setting: str) -> str:
    """Say when a setting will count; the supervisor starts anew with an engine, so that both go by the same."""
    if setting in _FOR_EVER:
        return ", for the domain is made so"
    if setting in _ENGINES and started.server.launcher == "systemd":
        return f" until: systemctl restart schoolserver-{_ENGINES[setting]} schoolserver-supervisor"
    return f" until: {_ANEW[started.server.launcher]}"


def _changed(name: str, before: object, after: object) -> list[str]:
    """The keys that differ; inside a mapping, each of its own."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [f"{name}.{key}" for key in after if before.get(key) != after[key]]
    return [name] if before != after else []
