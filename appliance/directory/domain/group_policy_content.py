"""What the school's Windows PCs are told, as the files of one group policy object. Pure; compared with golden files.

May live here: which registry values and drives, each with its reason. May not: formats (``group_policy_registry``,
``group_policy_drives``), or bringing it into the domain (``group_policy``).
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.daemon.pac import KIND
from appliance.directory.domain.group_policy_drives import Drive, drives_xml
from appliance.directory.domain.group_policy_registry import Value, certificate_value, registry_pol

_SYSTEM: Final = r"Software\Microsoft\Windows\CurrentVersion\Policies\System"
_WINLOGON: Final = r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon"
_POLICIES: Final = r"Software\Policies\Microsoft"
_INTERNET: Final = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
_FIREFOX: Final = r"Software\Policies\Mozilla\Firefox"
_CHROMES: Final = (rf"{_POLICIES}\Edge", r"Software\Policies\Google\Chrome")

_REGISTRY: Final = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}"
_DRIVE_MAPS: Final = "{5794DAFD-BE60-433F-88A2-1A31939AC01F}"
_DRIVE_TOOL: Final = "{2EA1A81B-48E5-45E9-8BB7-A6E3AC170006}"
_MACHINE_TOOLS: Final = "{53D6AB1D-2488-11D1-A28C-00C04FB94F17}{D02B1F72-3407-48AE-BA88-E8213C6761F1}"
_USER_TOOL: Final = "{D02B1F73-3407-48AE-BA88-E8213C6761F1}"
_PREFERENCES: Final = "{00000000-0000-0000-0000-000000000000}"


@dataclass(frozen=True, slots=True)
class Script:
    """The ``text`` of the server's own script (PAC), which browsers at PCs have from the policy itself.

    So nobody on the way can swap it, and no browser goes past the proxy because it could not fetch it.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What PCs are told: ``proxy`` is the server's own script, the URL of another, or ``None``; ``authority`` is DER.

    ``cached_log_ons`` are people, ``lock_after`` seconds (0: never).
    """

    proxy: Script | str | None
    authority: bytes | None
    drives: tuple[Drive, ...]
    cached_log_ons: int
    lock_after: int


@dataclass(frozen=True, slots=True)
class Content:
    """One half (the machine's, the user's) of a policy: files by path below it, and which parts of Windows read it."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    extensions: str = ""


def machine_content(told: Told) -> Content:
    """Return what each PC takes over when it starts."""
    return Content({"Registry.pol": registry_pol(_machine(told))}, f"[{_REGISTRY}{_MACHINE_TOOLS}]")


def user_content(told: Told) -> Content:
    """Return what is done for whoever logs on; its parts stand in the order of their numbers ([MS-GPOL] 2.2.4)."""
    files, parts, values = {}, [], tuple(_user(told))
    if told.drives:
        parts.append(f"[{_PREFERENCES}{_DRIVE_TOOL}]")
    if values:
        files["Registry.pol"] = registry_pol(values)
        parts.append(f"[{_REGISTRY}{_USER_TOOL}]")
    if told.drives:
        files["Preferences/Drives/Drives.xml"] = drives_xml(told.drives).encode()
        parts.append(f"[{_DRIVE_MAPS}{_DRIVE_TOOL}]")
    return Content(files, "".join(parts))


def _machine(told: Told) -> Iterator[Value]:
    # K22: the next one at this PC is not shown who was there, cannot log on beside somebody, and meets a locked screen.
    yield Value(_SYSTEM, "DontDisplayLastUserName", 1)
    yield Value(_SYSTEM, "HideFastUserSwitching", 1)
    yield Value(_SYSTEM, "InactivityTimeoutSecs", told.lock_after)
    # K01: accounts of the school only, none of Microsoft's.
    yield Value(_SYSTEM, "NoConnectedUser", 3)
    # K18: a locked account is refused: no log-on from memory, and none before the network is there.
    yield Value(_WINLOGON, "CachedLogonsCount", str(told.cached_log_ons))
    yield Value(rf"{_POLICIES}\Windows NT\CurrentVersion\Winlogon", "SyncForegroundPolicy", 1)
    # K22: nothing of the drives and of a roaming profile stays on the PC.
    yield Value(rf"{_POLICIES}\Windows\System", "DeleteRoamingCache", 1)
    yield Value(rf"{_POLICIES}\Windows\NetCache", "Enabled", 0)
    if told.authority is not None:
        yield certificate_value("Root", told.authority)
        yield Value(rf"{_FIREFOX}\Certificates", "ImportEnterpriseRoots", 1)
    if told.proxy is not None:
        yield from _browsers(told.proxy)


def _browsers(proxy: Script | str) -> Iterator[Value]:
    """Tell Edge, Chrome and Firefox; they speak TLS to a proxy, Windows itself does not."""
    url = proxy if isinstance(proxy, str) else f"data:{KIND};base64,{b64encode(proxy.text.encode()).decode()}"
    chrome: dict[str, str | bool] = {"ProxyMode": "pac_script", "ProxyPacUrl": url}
    if isinstance(proxy, Script):
        chrome["ProxyPacMandatory"] = True  # K13: without a script nothing is reached, rather than everything
    for key in _CHROMES:
        yield Value(key, "ProxySettings", json.dumps(chrome))
    yield Value(rf"{_FIREFOX}\Proxy", "Mode", "autoConfig")
    yield Value(rf"{_FIREFOX}\Proxy", "AutoConfigURL", url)
    yield Value(rf"{_FIREFOX}\Proxy", "Locked", 1)


def _user(told: Told) -> Iterator[Value]:
    """Windows itself knows a PAC file only as each user's own setting, which he is then not shown."""
    if isinstance(told.proxy, str):
        yield Value(_INTERNET, "AutoConfigURL", told.proxy)
        yield Value(rf"{_POLICIES}\Internet Explorer\Control Panel", "Autoconfig", 1)
        yield Value(rf"{_POLICIES}\Internet Explorer\Control Panel", "Proxy", 1)
