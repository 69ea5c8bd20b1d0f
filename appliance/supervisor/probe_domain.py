"""The probes of the domain: what a PC needs of it at log-on, asked as a PC asks, with the hidden account.

May live here: one exchange each over LDAPS, DNS (RFC 1035, RFC 2782) and Kerberos (RFC 4120), and what the carer does
about each failure. May not: the clock (``probe_clock``). They ask the domain on this machine at its loopback address,
where it always serves. Blocking. Never logs or raises an address or a login; the password reaches ``kinit`` by a pipe.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twisted.names import dns

from appliance.directory.errors import DirectoryError
from appliance.directory.names import child
from appliance.directory.whereabouts import whereabouts
from appliance.supervisor.dns_question import by_connection
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword

_UNIT: Final = "domain"
_HERE: Final = "127.0.0.1"
_DNS_PORT: Final = 53
_FOUND_BY: Final = {"_ldap._tcp": 389, "_kerberos._tcp": 88}
"""What a PC asks for to find a domain controller (RFC 2782), and the port that must be named."""
_INVALID: Final = 49  # RFC 4511, appendix A.2: the password, or the account
_LOOK: Final = "see journalctl -u schoolserver-domain"


def probe_ldap(visitor: Visitor) -> None:
    """Sign in over LDAPS and find one's own entry; raises :class:`ProbeFailed`."""
    where = whereabouts(visitor.settings, "supervisor")
    own = child(where.dialect.schema.account_naming, visitor.login, where.tree.people)
    try:
        link = where.open()
        try:
            code = link.bind(own, visitor.password.reveal()).code
            if code == _INVALID:
                raise WrongPassword(None, "LDAPS: the sign-in was refused")
            if code:
                raise ProbeFailed(None, f"LDAPS: the sign-in was answered {code}; {_LOOK}")
            if not any(link.search(own, "(objectClass=*)", ("cn",), below=False)):
                raise ProbeFailed(None, f"LDAPS: who has signed in does not find himself; {_LOOK}")
        finally:
            link.close()
    except DirectoryError as problem:
        raise ProbeFailed(_UNIT, f"LDAPS: {problem}; {_LOOK}") from problem


def probe_dns(visitor: Visitor) -> None:
    """Ask the domain's own DNS for what a PC asks; raises :class:`ProbeFailed`."""
    domain = visitor.settings.domain
    for service, port in _FOUND_BY.items():
        found = _resolved(f"{service}.{domain.name}", dns.SRV, visitor.timeout)
        if (domain.fqdn, port) not in {(_text(payload.target), payload.port) for payload in found}:
            raise ProbeFailed(
                None,
                f"DNS: {service} does not lead to this server, so that no PC finds it; the domain puts its names right "
                "within ten minutes, or at once with: systemctl restart schoolserver-domain",
            )
    if not any(_resolved(domain.fqdn, kind, visitor.timeout) for kind in (dns.A, dns.AAAA)):
        raise ProbeFailed(None, f"DNS: this server's own name has no address; {_LOOK}")


def probe_kerberos(visitor: Visitor) -> None:
    """Get a ticket with the password; raises :class:`ProbeFailed`."""
    realm = visitor.settings.domain.realm
    with _settings_of(realm) as config:
        try:
            done = subprocess.run(
                ("kinit", "-c", "MEMORY:", f"{visitor.login}@{realm}"),
                input=f"{visitor.password.reveal()}\n",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=2 * visitor.timeout,
                env={"LC_ALL": "C", "PATH": os.defpath, "KRB5_CONFIG": f"/proc/self/fd/{config}"},
                pass_fds=(config,),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ProbeFailed(_UNIT, f"Kerberos: no answer in time; {_LOOK}") from None
        except OSError as problem:
            raise ProbeFailed(None, "Kerberos: kinit is missing; get it with: apt install krb5-user") from problem
    if done.returncode:
        raise _explained(done.stderr)


def _explained(said: str) -> ProbeFailed:
    """What kinit's words (those of MIT Kerberos, in English) mean; they name the account, so they are not repeated."""
    if any(sign in said for sign in ("Password incorrect", "Preauthentication failed", "Password expired")):
        return WrongPassword(None, "Kerberos: the password was refused")
    unit, text = next((means for sign, means in _MEANINGS.items() if sign in said), (None, f"no ticket came; {_LOOK}"))
    return ProbeFailed(unit, f"Kerberos: {text}")


_MEANINGS: Final[dict[str, tuple[str | None, str]]] = {
    "Cannot contact any KDC": (_UNIT, f"no answer; {_LOOK}"),
    "Clock skew": (None, "the clock went wrong while it was asked; see the row of the clock"),
    "revoked": (None, "the hidden account is closed in the directory; remove it there: it is made anew"),
}


@contextmanager
def _settings_of(realm: str) -> Iterator[int]:
    """A file in memory that leads to the domain on this machine, whatever ``/etc/krb5.conf`` says: its descriptor."""
    descriptor = os.memfd_create("krb5.conf")
    try:
        text = (
            f"[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n rdns = false\n"
            f"[realms]\n {realm} = {{\n  kdc = {_HERE}\n }}\n"
        )
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _resolved(name: str, kind: int, timeout: float) -> list[dns.Record_SRV | dns.Record_A | dns.Record_AAAA]:
    """What the domain's DNS knows under ``name``; raises :class:`ProbeFailed` when it is silent."""
    try:
        # A connection, which needs no cutting to size; over UDP the same part of the domain answers.
        answer = by_connection((_HERE, _DNS_PORT), name, kind, timeout)
    except OSError as problem:
        raise ProbeFailed(
            None, "DNS: no answer; is port 53 taken by another program? ss -lntup sport = :53"
        ) from problem
    return [found.payload for found in answer.answers if found.type == kind]


def _text(name: dns.Name) -> str:
    return str(name).rstrip(".").lower()
