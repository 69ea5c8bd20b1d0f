"""Judging the school's own certificate and key before anything depends on them. May not live here: writing."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from appliance.daemon.logs import Told

_LARGEST = 256 * 1024
_SOON = timedelta(days=14)


class PairProblem(Told):
    """Certificate or key cannot be used; the text says all that is wrong with them, a line each."""


@dataclass(frozen=True, slots=True)
class OwnPair:
    """``chain`` and ``key`` as PEM, what the certificate is for, its last instant, and what the carer should know."""

    chain: bytes
    key: bytes
    names: tuple[str, ...]
    ends: datetime
    warnings: tuple[str, ...]


def read_pair(certificate: Path, key: Path, names: Sequence[str] = (), now: datetime | None = None) -> OwnPair:
    """Read both files; the certificate must be of the key, valid now, for servers, and for each DNS name of ``names``.

    Raises :class:`PairProblem`.
    """
    now = now or datetime.now(UTC)
    chain, private = _content(certificate), _content(key)
    leaf, secret = _leaf(certificate, chain), _secret(key, private)
    covered, ends = _names(leaf), _instant(leaf, "not_valid_after")
    problems = [f"{certificate}: {problem}" for problem in _problems(leaf, names, covered, now)]
    if _der(leaf) != _der(secret):
        problems.append(f"{key} is not the key of {certificate}")
    if problems:
        raise PairProblem("\n".join(problems))
    form = serialization.PrivateFormat.PKCS8
    pem = secret.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    warnings = []
    if ends - now < _SOON:
        warnings.append(f"{certificate} ends on {ends:%Y-%m-%d}")
    if (why := _disbelief(chain, pem, covered)) is not None:
        warnings.append(
            f"this machine itself does not believe {certificate} ({why}), so the probes of status will not either; does"
            " the file hold the whole chain? The certificate of an authority of your own belongs into"
            " /usr/local/share/ca-certificates (then update-ca-certificates)"
        )
    return OwnPair(chain, pem, covered, ends, tuple(warnings))


def covers(certificate_names: Sequence[str], name: str) -> bool:
    """Whether a certificate for ``certificate_names`` is good for the DNS name ``name`` (RFC 6125, 6.4.3)."""
    wild = f"*.{name.partition('.')[2]}"
    return any(one in (name, wild) for one in certificate_names)


def _problems(leaf: x509.Certificate, names: Sequence[str], covered: Sequence[str], now: datetime) -> Iterator[str]:
    begins, ends = _instant(leaf, "not_valid_before"), _instant(leaf, "not_valid_after")
    if now > ends:
        yield f"it ended on {ends:%Y-%m-%d %H:%M} UTC"
    if now < begins:
        yield f"it begins on {begins:%Y-%m-%d %H:%M} UTC only; is this machine's clock right?"
    missing = [name for name in names if not _is_address(name) and not covers(covered, name)]
    if missing:
        yield f"it is for {', '.join(covered) or 'no name at all'}, not for {', '.join(missing)}"
    try:
        use: Any = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if ExtendedKeyUsageOID.SERVER_AUTH not in use:
        yield "it is not for servers"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise PairProblem(f"{path} cannot be read: {os.strerror(error.errno or 0)}") from error
    if len(content) > _LARGEST:
        raise PairProblem(f"{path} is too large for a certificate or key")
    return content


def _leaf(path: Path, content: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise PairProblem(f"{path} is no certificate in PEM (BEGIN CERTIFICATE)") from error


def _secret(path: Path, content: bytes) -> Any:
    try:
        return serialization.load_pem_private_key(content, None)
    except TypeError as error:
        raise PairProblem(f"{path} is locked with a password; nobody could type it at a restart") from error
    except ValueError as error:
        raise PairProblem(f"{path} is no private key in PEM (BEGIN PRIVATE KEY)") from error


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        found: Any = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(one).lower() for kind in (x509.DNSName, x509.IPAddress) for one in found.get_values_for_type(kind))


def _disbelief(chain: bytes, key: bytes, covered: Sequence[str]) -> str | None:
    """Why a program on this machine would refuse the certificate; ``None``: it takes it. Tried without a network."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    with _in_memory(chain + b"\n" + key) as path:
        try:
            server.load_cert_chain(path)
        except ssl.SSLError as error:
            raise PairProblem(f"OpenSSL refuses certificate and key: {error.reason}") from error
    name = next((one.replace("*", "any", 1) for one in covered), "localhost")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=name)
    answering = server.wrap_bio(there, back, server_side=True)
    for side in (asking, answering, asking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return str(error.verify_message)
    return None


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A path to ``content`` in memory, for OpenSSL takes keys from files alone."""
    handle = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(handle, content)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _instant(leaf: x509.Certificate, name: str) -> datetime:
    """Read a date of it; releases before 42 know it without its zone only."""
    aware: datetime | None = getattr(leaf, f"{name}_utc", None)
    plain: datetime = aware or getattr(leaf, name)
    return plain if plain.tzinfo else plain.replace(tzinfo=UTC)


def _der(holder: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(holder.public_key().public_bytes(serialization.Encoding.DER, form))


def _is_address(name: str) -> bool:
    try:
        return isinstance(ip_address(name), IPv4Address | IPv6Address)
    except ValueError:
        return False
