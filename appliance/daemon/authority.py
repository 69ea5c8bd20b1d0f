"""The school's local certificate authority: good for the school's own names and networks, and for nothing else.

Its certificate carries critical name constraints (RFC 5280, 4.2.1.10), so that whoever installs it trusts it for no
other site. May live here: keys and certificates. May not: when they are asked for, and TLS contexts (``tls``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.daemon import key_pair
from appliance.daemon.logs import Told
from appliance.daemon.whole_file import Owner, write_whole

Network = IPv4Network | IPv6Network

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_AUTHORITY_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=397)
_RENEW = timedelta(days=30)  # before the end
_LEEWAY = timedelta(hours=1)  # clocks of clients may be behind


class AuthorityError(Told):
    """A certificate cannot be made or read; the text says which and why, for the carer."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Certificate, key, and what it may sign for: names in ``domain``, ``localhost``, addresses in ``networks``."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    domain: str
    networks: tuple[Network, ...]

    def covers(self, name: str) -> bool:
        """Tell whether ``name`` (DNS name or IP address) lies within the constraints."""
        try:
            address = ip_address(name)
        except ValueError:
            return name == self.domain or name.endswith(f".{self.domain}") or name == "localhost"
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a certificate is for (DNS names and addresses) and its last instant."""

    names: tuple[str, ...]
    ends: datetime


def standing(path: Path) -> Standing | None:
    """Read how it stands with the certificate in ``path``; ``None`` where there is none."""
    certificate = _read(path)
    if certificate is None:
        return None
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Standing((), _end(certificate))
    return Standing(tuple(str(one.value) for one in extension), _end(certificate))


def ensure_authority(
    folder: Path, domain: str, networks: Sequence[Network] = (), now: datetime | None = None
) -> Authority:
    """Return the authority in ``folder`` (``ca.pem`` 0444, ``ca.key`` 0400), made or renewed if need be.

    Besides ``networks`` it covers loopback. A new certificate (old one near its end, other domain or networks) keeps
    the key: whoever installed the former one goes on trusting what that one allowed. Raise :class:`AuthorityError`.
    """
    now = now or datetime.now(UTC)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    permitted = tuple(dict.fromkeys((*_LOOPBACK, *networks)))
    key_path, path = folder / "ca.key", folder / "ca.pem"
    if key_path.exists():
        key = _read_key(key_path)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(key_path, _pem(key), 0o400)
    constraints = _constraints(domain, permitted)
    certificate = _read(path)
    if certificate is None or not _still_good(certificate, key, constraints, now):
        certificate = _sign_authority(key, domain, constraints, now)
        write_whole(path, certificate.public_bytes(serialization.Encoding.PEM), 0o444)
    return Authority(certificate, key, domain, permitted)


def issue(
    authority: Authority, folder: Path, names: Sequence[str], owner: Owner | None = None, now: datetime | None = None
) -> bool:
    """Make ``cert.pem`` and ``key.pem`` (0400, of ``owner`` uid and gid) for ``names`` in ``folder``, as one pair.

    ``names`` are DNS names or IP addresses; one outside the constraints raises :class:`AuthorityError`. What is there
    stays if it is good for 30 more days at least; tell whether there is something new (then SIGHUP its user).
    """
    now = now or datetime.now(UTC)
    outside = [name for name in names if not authority.covers(name)]
    if outside or not names:
        raise AuthorityError(f"the local authority cannot sign for {', '.join(outside) or 'no name at all'}")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    key_path, path = folder / "key.pem", folder / "cert.pem"
    alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
    certificate, key = _read(path), _part_key(key_path)
    good = certificate is not None and key is not None and _signed_by(certificate, authority)
    if certificate is None or key is None or not (good and _still_good(certificate, key, alternatives, now)):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(authority, key, alternatives, now)
    return key_pair.install(folder, certificate.public_bytes(serialization.Encoding.PEM), _pem(key), owner)


def _constraints(domain: str, networks: Sequence[Network]) -> x509.NameConstraints:
    trees: list[x509.GeneralName] = [x509.DNSName(domain), x509.DNSName("localhost")]
    return x509.NameConstraints([*trees, *(x509.IPAddress(network) for network in networks)], None)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _sign_authority(
    key: ec.EllipticCurvePrivateKey, domain: str, constraints: x509.NameConstraints, now: datetime
) -> x509.Certificate:
    name = _name(f"schoolserver {domain}")
    builder = _builder(name, name, key, key, now, _AUTHORITY_LIFE)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(constraints, critical=True)
        .sign(key, hashes.SHA256())
    )


def _sign(
    authority: Authority,
    key: ec.EllipticCurvePrivateKey,
    alternatives: x509.SubjectAlternativeName,
    now: datetime,
) -> x509.Certificate:
    end = min(now + _LIFE, _end(authority.certificate))
    issuer = authority.certificate.subject
    subject = _name(f"server of {authority.domain}")  # no DNS name: OpenSSL would hold it against the constraints
    return (
        _builder(subject, issuer, key, authority.key, now, end - now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(title: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title[:64])])


def _still_good(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, extension: Any, now: datetime) -> bool:
    """Tell whether it belongs to ``key``, carries ``extension`` and does not end within 30 days."""
    try:
        found: Any = certificate.extensions.get_extension_for_oid(extension.oid).value
    except x509.ExtensionNotFound:
        return False
    return found == extension and _der(certificate) == _der(key) and _end(certificate) - now > _RENEW


def _der(holder: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as bytes; key objects can be compared from release 40 on only."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(serialization.Encoding.DER, form)


def _signed_by(certificate: x509.Certificate, authority: Authority) -> bool:
    algorithm = certificate.signature_hash_algorithm
    try:
        authority.key.public_key().verify(
            certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(algorithm or hashes.SHA256())
        )
    except InvalidSignature:
        return False
    return certificate.issuer == authority.certificate.subject


def _end(certificate: x509.Certificate) -> datetime:
    """Return the last instant; releases before 42 know it without its zone only."""
    aware: datetime | None = getattr(certificate, "not_valid_after_utc", None)
    return aware or certificate.not_valid_after.replace(tzinfo=UTC)


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None  # made anew


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, OSError) as error:
        raise AuthorityError(f"{path} cannot be read as a private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"{path} is not an elliptic-curve key")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _part_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key of a part, if there is one of our making: another one gives way."""
    try:
        return _read_key(path)
    except AuthorityError:
        return None
