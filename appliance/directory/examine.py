"""Whether a directory will do: each thing that is wrong, in words and with the setting that it is about.

May live here: reaching it, the order in which it is looked at. May not: what is in it (``examine_contents``), what we
may do there (``examine_rights``). The texts are for a carer at a terminal and name hosts and entries: they go into no
journal.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.directory.active_directory import refusal
from appliance.directory.client import connect
from appliance.directory.errors import DirectoryUnavailable
from appliance.directory.examine_contents import Finding, contents
from appliance.directory.examine_rights import tried
from appliance.directory.link import Link
from appliance.directory.numbers import shared_numbers
from appliance.directory.whereabouts import Whereabouts, whereabouts
from appliance.settings.mail_taken import address_problems

if TYPE_CHECKING:
    from appliance.settings.load import Settings
    from appliance.settings.mail_rules import RoleAddress

__all__ = ["Finding", "examine"]

_SERVICES = ("supervisor", "auth")
_PORTS = {"ldap": 389, "ldaps": 636}
_OWN = {"slapd": ("slapd", "schoolserver-directory"), "domain": ("the domain", "schoolserver-domain")}
"""A kind of directory that we serve ourselves -> what it is called, and its unit."""


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Look at the directory of ``settings`` as each of our services would; nothing found: it will do.

    It ends with the first thing that is so wrong that the next ones cannot be seen. For a moment there is an entry and
    a group ``schoolserver-check`` in it, which a server that runs takes for strange ones.
    """
    places, kind = {account: whereabouts(settings, account) for account in _SERVICES}, settings.directory.kind
    with contextlib.ExitStack() as opened:
        links: dict[str, Link] = {}
        for account, where in places.items():
            link = _signed_in(where, kind)
            if isinstance(link, Finding):
                return (link,)
            links[account] = opened.enter_context(contextlib.closing(link))
        where, link = places["supervisor"], links["supervisor"]
        try:
            found = contents(where, link)
            if not any(finding.grave for finding in found):
                found += (*_contradictions(settings), *tried(places, links, settings))
        except DirectoryUnavailable as error:
            return (_silent(kind, f"{where.uri}: {error}"),)
    return tuple(found)


def _contradictions(settings: Settings) -> Iterator[Finding]:
    """Who has the number of somebody else, whose files are then his, too; addresses of mail.yaml that somebody has."""
    with contextlib.closing(connect(settings, "supervisor")) as directory:
        state = directory.read()
    for shared in shared_numbers(state):
        yield Finding(
            f"number {shared.number}: {shared} have it, so the files of each are open to the others (K05); "
            "give all but one another (handbook: Accounts, Two with one number)"
        )
    people = [account for account in state.accounts if not account.hidden]

    def reaches(who: RoleAddress) -> bool:
        return any(
            account.role in who.roles or account.login in who.users or not set(who.groups).isdisjoint(account.groups)
            for account in people
        )

    logins, groups = {account.login for account in people}, {group.name for group in state.groups}
    for problem in address_problems(settings, logins, groups, reaches):
        yield Finding(problem, grave=False)


def _signed_in(where: Whereabouts, kind: str) -> Link | Finding:
    """Open a link and sign in, or say why that cannot be."""
    unreachable = _unreachable(where.uri, where.timeout)
    if unreachable:
        return _silent(kind, unreachable)
    try:
        password = where.password_file.read_text(encoding="utf-8").strip()
    except PermissionError:
        return Finding(f"{where.password_file}: only root may look at it: run this with sudo")
    except (OSError, ValueError) as error:
        return Finding(f"{where.password_file}: the password of {where.bind_name} cannot be read ({error})")
    try:
        link = where.open()
    except DirectoryUnavailable as error:
        said = str(error)
        if "certificate" not in said and "file of ca" not in said:
            return _silent(kind, f"{where.uri}: {said}")
        return Finding(f"{'ca' if 'signed by' in said or 'file of ca' in said else 'uri'}: {where.uri}: {said}")
    try:
        answer = link.bind(where.bind_name, password)
    except (DirectoryUnavailable, ValueError) as error:
        link.close()
        return _silent(kind, f"{where.uri}: {error}")
    if answer.code != 0:
        link.close()
        return Finding(f"bind_name: {where.bind_name} is refused ({refusal(answer)})")
    return link


def _silent(kind: str, said: str) -> Finding:
    """Who gives no answer: of what we serve ourselves the unit knows why, elsewhere the setting may be wrong."""
    if kind not in _OWN:
        return Finding(f"uri: {said}")
    name, unit = _OWN[kind]
    return Finding(f"{name} does not answer ({said}); see: systemctl status {unit}, and journalctl -u {unit}")


def _unreachable(uri: str, timeout: float) -> str:
    """Why no connection can be made; empty: it can, or it is a local socket."""
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS:
        return ""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), timeout).close()
    except socket.gaierror:
        return f"no name server knows {host}"
    except TimeoutError:
        return f"{host} does not answer on port {port}"
    except ConnectionRefusedError:
        return f"nothing listens on port {port} of {host}"
    except OSError as error:
        return f"{host}, port {port}, cannot be reached ({error.strerror})"
    return ""
