"""What must fit together: each check looks at values that are right alone and says where they contradict each other.

A check asks the reading for values by path; when one of them is wrong by itself, the check ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from itertools import combinations

from appliance.daemon.options_network import Address, Network
from appliance.daemon.options_reading import Reading
from appliance.settings.directory import OTHERS

_LONGEST_SOCKET = "/privileged/privileged.sock"
_SOCKET_BYTES = 107
_OWN_IDS = 32


def _report(reading: Reading, paths: Sequence[str], found: str, allowed: str) -> None:
    """Report values that contradict each other at the last one that somebody wrote, rather than at a default."""
    written = [path for path in paths if reading.sources[path].line is not None]
    reading.report(reading.sources[[*paths, *written][-1]], found, allowed)


def _ids(reading: Reading) -> None:
    first, last = reading.value("directory.id_first"), reading.value("directory.id_last")
    if first > last:
        found = f"id_last {last} before id_first {first}"
        _report(reading, ("directory.id_first", "directory.id_last"), found, "id_last from id_first on")


def _own_ids(reading: Reading) -> None:
    first, last = reading.value("directory.id_first"), reading.value("directory.id_last")
    own, identity = reading.value("server.first_id"), reading.value("server.identity")
    if identity == "numbers" and own <= last and own + _OWN_IDS > first:
        found = f"{own}, whose {_OWN_IDS} ids meet those of accounts"
        allowed = f"ids outside of {first} to {last} (directory.yaml)"
        reading.report(reading.sources["server.first_id"], found, allowed)


def _passive(reading: Reading) -> None:
    first, last = reading.value("fileshare.passive_first"), reading.value("fileshare.passive_last")
    if first > last:
        found = f"passive_last {last} before passive_first {first}"
        _report(
            reading, ("fileshare.passive_first", "fileshare.passive_last"), found, "passive_last from passive_first on"
        )


def _uri(reading: Reading) -> None:
    kind, uri = reading.value("directory.kind"), reading.value("directory.uri")
    if kind in OTHERS and uri is None:
        _report(reading, ("directory.uri", "directory.kind"), f"{kind} without uri", f"{kind} with a uri, or slapd")
    if kind == "slapd" and uri is not None:
        reading.report(reading.sources["directory.uri"], "a uri with kind slapd", "null, or another kind")
    if uri is not None and uri.startswith("ldap:") and not _is_here(uri):
        found = "ldap://, where passwords would cross the network in clear (K06)"
        reading.report(reading.sources["directory.uri"], found, "ldaps://")


def _is_here(uri: str) -> bool:
    """Whether a URI names this machine by its address."""
    host = uri.partition("://")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _elsewhere(reading: Reading) -> None:
    """What describes somebody else's directory means nothing for our own."""
    if reading.value("directory.kind") in OTHERS:
        if reading.value("directory.bind_name") is None:
            paths = ("directory.bind_name", "directory.kind")
            _report(reading, paths, "an existing directory without bind_name", "bind_name, as whom to sign in there")
        return
    for key in ("people", "groups", "bind_name", "bind_name_auth", "attributes", "account_classes", "group_classes"):
        source = reading.sources[f"directory.{key}"]
        if source.line is not None and reading.value(f"directory.{key}") not in ("auto", None, (), {}):
            reading.report(source, f"{key} with a directory of the server's own", "kind active-directory or ldap")


def _listeners(reading: Reading) -> None:
    listen: dict[str, Address] = {}
    for path in (path for path in reading.sources if path.startswith("network.listen.")):
        value = reading.values[path]
        if isinstance(value, Address):
            listen[path] = value
    for (first, one), (second, other) in combinations(listen.items(), 2):
        if one.collides(other):
            names = f"{first.rpartition('.')[2]} and {second.rpartition('.')[2]}"
            _report(reading, (first, second), f"{names} on one port ({one}, {other})", "a port for each service")


def _ldap_inside(reading: Reading) -> None:
    address: Address = reading.value("network.listen.ldap")
    if not ip_address(address.host).is_loopback:
        found = f"{address}, where passwords would cross the network in clear (K06)"
        reading.report(reading.sources["network.listen.ldap"], found, "an address of this machine: 127.0.0.1, [::1]")


def _room_networks(reading: Reading) -> None:
    rooms: Mapping[str, tuple[Network, ...]] = reading.value("network.rooms")
    seen: dict[Network, str] = {}
    for room, networks in rooms.items():
        for number, network in enumerate(networks):
            if seen.setdefault(network, room) != room:
                source = reading.sources[f"network.rooms.{room}[{number}]"]
                reading.report(source, f"{network}, which room {seen[network]} has too", "each network in one room")


def _folders(reading: Reading) -> None:
    for first, second in combinations(("server.state", "server.runtime", "server.data"), 2):
        if reading.value(first) == reading.value(second):
            found = f"{first.rpartition('.')[2]} and {second.rpartition('.')[2]} in one folder"
            _report(reading, (first, second), found, "a folder for each")


def _socket_paths(reading: Reading) -> None:
    length = len(str(reading.value("server.runtime")).encode())
    most = _SOCKET_BYTES - len(_LONGEST_SOCKET)
    if length > most:
        found = f"a path of {length} bytes"
        reading.report(reading.sources["server.runtime"], found, f"at most {most} bytes, for sockets have short names")


def _plain_log(reading: Reading) -> None:
    if reading.value("server.audit_log") == "plain" and reading.value("server.launcher") == "systemd":
        allowed = "none, or launcher children: an installed server keeps no readable log of use (K14)"
        _report(reading, ("server.launcher", "server.audit_log"), "audit_log plain with launcher systemd", allowed)


def _exempt(reading: Reading) -> None:
    for number, domain in enumerate(reading.value("proxy.not_exempt")):
        if domain in reading.value("proxy.exempt"):
            source = reading.sources[f"proxy.not_exempt[{number}]"]
            reading.report(source, f"{domain}, which is in exempt too", "each domain in one of exempt and not_exempt")


def _delays(reading: Reading) -> None:
    if reading.value("auth.first_delay") > reading.value("auth.max_delay"):
        paths = ("auth.first_delay", "auth.max_delay")
        _report(reading, paths, "max_delay less than first_delay", "max_delay at least as long as first_delay")


def _holidays(reading: Reading) -> None:
    for number, holiday in enumerate(reading.value("school.holidays")):
        if holiday.first > holiday.last:
            source = reading.sources[f"school.holidays[{number}].last"]
            reading.report(source, f"{holiday.last}, before first {holiday.first}", "a date from first on")


def _alerts(reading: Reading) -> None:
    inside = f"@{reading.value('school.domain')}"
    outside = [address for address in reading.value("alerts.to") if not address.casefold().endswith(inside)]
    if outside and reading.value("alerts.smarthost") is None:
        found = "an address outside of the school without smarthost"
        _report(reading, ("alerts.smarthost", "alerts.to"), found, f"a smarthost, or addresses ending in {inside}")
    if (reading.value("alerts.login") is None) != (reading.value("alerts.password_file") is None):
        paths = ("alerts.login", "alerts.password_file")
        _report(reading, paths, "one of login and password_file", "both, or neither")


def _drives(reading: Reading) -> None:
    """Two shares cannot be one drive."""
    paths = ("pcs.home_drive", "pcs.groups_drive", "pcs.staff_drive")
    for one, other in combinations(paths, 2):
        letter = reading.value(one)
        if letter is not None and letter == reading.value(other):
            _report(reading, (one, other), f"drive {letter} twice", "a letter of its own for each drive, or null")


CHECKS: tuple[Callable[[Reading], None], ...] = (
    _ids,
    _passive,
    _own_ids,
    _uri,
    _elsewhere,
    _listeners,
    _ldap_inside,
    _room_networks,
    _folders,
    _socket_paths,
    _plain_log,
    _exempt,
    _delays,
    _holidays,
    _alerts,
    _drives,
)
