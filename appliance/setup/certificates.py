"""A certificate and key for each part that speaks TLS: made by the local authority, or the school's own, once judged.

May live here: what goes into which folder. May not: making certificates (``daemon.authority``), writing pairs
(``daemon.key_pair``), or judging files (``own_pair``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.daemon import key_pair
from appliance.daemon.authority import Authority, ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.whole_file import write_whole
from appliance.settings.names import certified_names, mail_names
from appliance.setup.own_pair import OwnPair, covers, read_pair

if TYPE_CHECKING:
    from appliance.daemon.authority import Network
    from appliance.daemon.whole_file import Owner
    from appliance.settings.load import Settings
    from appliance.supervisor.launcher.unit import Unit

_LOCAL = ("localhost", "127.0.0.1")
_DOMAIN = "domain"
"""The unit whose pair is always the local authority's: our own parts trust that, and PCs get it by group policy."""


@dataclass(frozen=True, slots=True)
class Part:
    """A unit that speaks TLS: the ``folder`` of its pair, and the service whose user owns it."""

    unit: str
    folder: Path
    owner: str


def parts(units: Iterable[Unit]) -> Iterator[Part]:
    """Give those of ``units`` that have a folder for a pair."""
    for unit in units:
        yield from (Part(unit.name, one.path, one.owner) for one in unit.folders if one.path.name == "tls")


def names(settings: Settings, unit: str = "") -> tuple[str, ...]:
    """Give every name and address that the local authority's certificate for ``unit`` is for."""
    return tuple(dict.fromkeys((*certified_names(settings, unit), *_LOCAL)))


def pair_for(unit: str, own: OwnPair | None) -> OwnPair | None:
    """Give the pair of the school's ``own`` that ``unit`` shows; ``None``: one of the local authority."""
    return None if unit == _DOMAIN else own


def own_pair(settings: Settings, now: datetime | None = None) -> OwnPair | None:
    """Read and judge the school's own certificate; ``None`` when it has none. Raises :class:`PairProblem`."""
    wanted = settings.certificates
    if wanted.certificate is None or wanted.key is None:
        return None
    return read_pair(wanted.certificate, wanted.key, wanted.names, now)


def missed(settings: Settings, wanted: Iterable[Part], pair: OwnPair | None) -> Iterator[str]:
    """Say where mail programs look for their settings in vain, for ``pair`` is not for those names."""
    lacking = [name for name in mail_names(settings) if pair is not None and not covers(pair.names, name)]
    if lacking and any(part.unit == "autoconfig" for part in wanted):
        names = " and ".join(lacking)
        yield f"the school's certificate is not for {names}: some mail programs will not set themselves up by it"


def bring(settings: Settings, wanted: Sequence[Part], public: Path, now: datetime | None = None) -> list[str]:
    """See that every part has its pair, and ``public`` the local authority's certificate; give whose pair is new.

    What is good for 30 days more stays. Raises :class:`PairProblem`, :class:`AuthorityError`, ``OSError``.
    """
    pair = own_pair(settings, now)
    authority = local_authority(settings, now)
    ca = (settings.server.state / "authority" / "ca.pem").read_bytes()
    if not _holds(public, ca):
        write_whole(public, ca, 0o444)
    new = []
    for part in wanted:
        owner = _owner(settings, part)
        shown = pair_for(part.unit, pair)
        if shown is None:
            part.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            changed = issue(authority, part.folder, names(settings, part.unit), owner, now)
        else:
            changed = key_pair.install(part.folder, shown.chain, shown.key, owner)
        if changed:
            new.append(part.unit)
    return new


def local_authority(settings: Settings, now: datetime | None = None) -> Authority:
    """The local authority, made or renewed if need be: for the domain, the school's networks, our own addresses."""
    networks = [*settings.network.networks, *_addresses(settings.certificates.names)]
    return ensure_authority(settings.server.state / "authority", settings.school.domain, networks, now)


def _addresses(wanted: Iterable[str]) -> Iterator[Network]:
    for name in wanted:
        with contextlib.suppress(ValueError):
            yield ip_network(ip_address(name))


def _owner(settings: Settings, part: Part) -> Owner | None:
    if settings.server.identity == "same":
        return None
    identity = Identities(settings.server).of(part.owner)
    return identity.uid, identity.gid


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False
