"""``schoolserver check --outside``: whether mail can leave the school, and what others think of it.

May live here: these questions and what is said. May not: SPF (``daemon.spf``), SMTP (``daemon.smtp_client``).
"""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import click

from appliance.cli.server import call
from appliance.daemon.dns_lookup import Names, NoAnswer
from appliance.daemon.identities import Identities
from appliance.daemon.scanner import clamd_problem, filter_problem
from appliance.daemon.smtp_client import opened
from appliance.daemon.smtp_way import CannotSend, let_read, to_smarthost
from appliance.daemon.spf import NotJudged, allows, record_of
from appliance.policy.account import Service
from appliance.policy.limits import largest_size
from appliance.policy.request import Action
from appliance.settings.load import Settings

_PATIENCE = 30.0
_REFUSED = 400
_LOGIN_WANTED = {530, 535, 538}
_WRONG_WAY = ("TLS fails", "ended the connection", "gives no answer in time")
_PIECE = 255

Found = tuple[bool, str]
"""Whether something is right, and what to say of it."""


@dataclass(frozen=True, slots=True)
class Dkim:
    """What the domain's DNS must hold: the ``name`` and the text of its TXT ``record``."""

    name: str
    record: str


def outside_problems(settings: Settings, names: Names) -> int:
    """Say how mail to and from the outside is; gives how many problems there are."""
    outside = settings.mail.outside
    if not outside.send and not outside.receive:
        click.echo("Mail stays inside of the school (mail.yaml: outside names no role).")
        return 0
    found: list[Found] = []
    if outside.send:
        found += [smarthost(settings), *_asked(lambda: spf(settings, names))]
        found += _asked(lambda: dkim(_own_key(), names)) if outside.dkim_selector is not None else []
    if outside.receive:
        found += _asked(lambda: mx(settings, names))
    if outside.clamd is not None:
        found.append(scanner(clamd_problem(outside.clamd, largest_message(settings), _PATIENCE), "clamd"))
    if outside.milter is not None:
        found.append(scanner(filter_problem(outside.milter, _PATIENCE), "milter"))
    for right, text in found:
        click.echo(f"{'ok ' if right else 'BAD'}  {text}", err=not right)
    return sum(not right for right, _ in found)


def smarthost(settings: Settings) -> Found:
    """Sign in at the smarthost as mail does, name a sender, and hand in nothing."""
    outside, sender = settings.mail.outside, f"postmaster@{settings.school.domain}"
    if outside.smarthost is None:
        return False, "smarthost: there is none"
    try:
        unread = None if outside.password_file is None else kept_from(outside.password_file, settings)
        if unread is not None:
            return False, f"smarthost: {unread}"
        way = to_smarthost(outside.smarthost.host, outside.smarthost.port, outside, settings.school.domain)
        with opened(way) as client:
            client.ehlo_or_helo_if_needed()
            announced = client.esmtp_features.get("size", "").split(" ")[0]
            code, _ = client.docmd("MAIL", f"FROM:<{sender}>")
            client.rset()
    except CannotSend as problem:
        wrong_way = any(words in str(problem) for words in _WRONG_WAY)
        hint = f"; is mail.yaml: outside.encryption ({outside.encryption}) right for this port?" if wrong_way else ""
        return False, f"smarthost: {problem}{hint}"
    if code >= _REFUSED:
        hint = " (mail.yaml: outside.login and password_file)" if code in _LOGIN_WANTED else ""
        return False, f"smarthost: answers {code} to a mail from {sender}{hint}"
    size, largest = int(announced) if announced.isdecimal() else 0, largest_message(settings)
    if 0 < size < largest:
        return False, (
            f"smarthost: takes messages of up to {size // 10**6} MB, but the school's largest have "
            f"{largest / 10**6:.1f} MB when they are sent: those in between come back to who wrote them"
        )
    return True, f"smarthost: takes mail from us{f', messages of up to {size // 10**6} MB' if size else ''}"


def kept_from(path: Path, settings: Settings) -> str | None:
    """Say what keeps the mail service from reading ``path``: we are root, who may read anything."""
    try:
        service = Identities(settings.server).of("mail")
        for place in (*reversed(path.parents), path):
            found = place.stat()
            wanted = stat.S_IROTH if place == path else stat.S_IXOTH
            if found.st_uid == service.uid:
                wanted <<= 6
            elif found.st_gid in (service.gid, *service.groups):
                wanted <<= 3
            if service.uid and not found.st_mode & wanted:
                remedy = let_read(path, service.gid) if place == path else f"chmod a+x {place}"
                return f"the mail service cannot read {path}: {remedy}"
    except LookupError as problem:
        return str(problem)
    except FileNotFoundError:
        return f"there is no file {path}"
    except OSError as problem:
        return f"{path} cannot be looked at ({problem.strerror}): run this with sudo"
    return None


def largest_message(settings: Settings) -> int:
    """Give the bytes of the largest message that the settings let somebody hand in."""
    limits = settings.access.limits
    return largest_size(limits, limits.largest(), Service.MAIL, Action.SEND)


def spf(settings: Settings, names: Names) -> Iterator[Found]:
    """Judge the domain's SPF record for the addresses of the smarthost. Raise ``NoAnswer``."""
    domain, host = settings.school.domain, settings.mail.outside.smarthost
    try:
        record = record_of(domain, names.lookup)
        addresses = sorted({str(info[4][0]) for info in socket.getaddrinfo(host.host, None)}) if host else []
        if record is None:
            ours = " ".join(map(_mechanism, addresses))
            yield (
                False,
                f"SPF: {domain} has no record: receivers cannot tell that its mail is real; enter, or with the "
                f'include: that the provider names:\n     {domain}. IN TXT "v=spf1 {ours} ~all"',
            )
            return
        for address in addresses:
            result = allows(domain, address, names.lookup)
            text = f"SPF: {domain} says {result} to the smarthost's address {address}"
            yield (
                result == "pass",
                text
                if result == "pass"
                else f"{text}: its record needs {_mechanism(address)}, or the include: that the provider names",
            )
    except NotJudged as problem:
        yield False, f"SPF: {problem}"
    except socket.gaierror:
        yield False, "SPF: the smarthost is a name that cannot be resolved"


def dkim(key: Dkim | None, names: Names) -> Iterator[Found]:
    """Compare what the DNS holds with the key that the server signs with. Raise ``NoAnswer``."""
    if key is None:
        yield False, "DKIM: there is no key yet; the server makes it when it runs with dkim_selector"
        return
    wanted = _tags(key.record)["p"]
    held = [_tags(text).get("p", "") for text in names.lookup(key.name, "TXT")]
    if held == [wanted]:
        yield True, f"DKIM: {key.name} holds our key"
        return
    pieces = " ".join(f'"{key.record[at : at + _PIECE]}"' for at in range(0, len(key.record), _PIECE))
    said = "holds nothing" if not held else "holds another key" if len(held) == 1 else "holds several keys"
    yield False, f"DKIM: {key.name} {said}; enter:\n     {key.name}. IN TXT ( {pieces} )"


def mx(settings: Settings, names: Names) -> Iterator[Found]:
    """See that others know where mail for the domain goes. Raise ``NoAnswer``."""
    domain, hosts = settings.school.domain, names.lookup(settings.school.domain, "MX")
    if hosts:
        yield True, f"MX: mail for {domain} goes to {', '.join(hosts)}"
        return
    yield (
        False,
        f"MX: {domain} has none, so that nobody outside can answer; enter, with the server that the provider names for "
        f"the school's mail:\n     {domain}. IN MX 10 mx.provider.example.",
    )


def scanner(problem: str | None, name: str) -> Found:
    """Say whether a scanner will do."""
    return problem is None, f"{name}: answers" if problem is None else f"{problem}; until then mail from outside waits"


def _mechanism(address: str) -> str:
    return f"ip{ip_address(address).version}:{address}"


def _own_key() -> Dkim | None:
    found = call("mail.dkim", {})["dkim"]
    return None if found is None else Dkim(*found)


def _asked(question: Callable[[], Iterator[Found]]) -> list[Found]:
    try:
        return list(question())
    except NoAnswer as problem:
        return [(False, str(problem))]
    except click.ClickException as problem:
        return [(False, f"DKIM: {problem.message}")]


def _tags(record: str) -> dict[str, str]:
    """Read a list of tags (RFC 6376 3.2)."""
    pairs = (tag.partition("=") for tag in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}
