"""What mail programs, browsers and people are told, whoever asks and in whatever format. Pure.

May live here: facts from the settings. May not: formats (``thunderbird``, ``outlook``, ``apple``, ``page``), accounts:
no answer depends on whether one exists.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.settings.mail_offers import Offer, is_inside, offers
from appliance.settings.names import mail_names, name_for, server_names
from appliance.settings.web_script import web_script

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """The ``school``'s name, its ``domain``, the ways to read (``imap``) and hand in (``smtp``) mail, the best first.

    ``home``: the URL of the page over TLS, without a slash at its end. ``names``: those by which this server is called
    over TLS. ``authority``: the local authority's certificate (DER), ``None`` where the school has a certificate that
    devices trust already. ``script``: what browsers are told (PAC), ``None`` where this server has no proxy.
    """

    school: str
    domain: str
    imap: tuple[Offer, ...]
    smtp: tuple[Offer, ...]
    home: str
    names: Mapping[str, str]
    authority: bytes | None
    script: str | None

    def login_of(self, address: str) -> str | None:
        """Return the login in an address of the school, as the mail program is to sign in; ``None``: it is none."""
        login, at, domain = address.strip().rpartition("@")
        if not at:
            login, domain = domain, self.domain
        good = len(login) <= _LONGEST and _LOCAL.fullmatch(login) is not None
        return login.lower() if good and domain.lower() == self.domain else None

    def fingerprint(self) -> str:
        """Return the SHA-256 of the authority's certificate as pairs of digits, which people compare."""
        return hashlib.sha256(self.authority or b"").digest().hex(":").upper()


def facts(settings: Settings, authority: bytes | None, *, proxy: bool = True) -> Facts:
    """Gather what is told; ``authority`` is the local authority's certificate (DER), ``proxy`` whether there is one."""
    inside, port = is_inside(settings, "https"), settings.network.listen["https"].port
    own = settings.certificates.certificate is not None
    shown = "" if port == 443 else f":{port}"
    called = (*server_names(settings), *(() if own else (*mail_names(settings), settings.school.domain)))
    return Facts(
        school=settings.school.name,
        domain=settings.school.domain,
        imap=offers(settings, "imap", inside=inside) or offers(settings, "imap", inside=True),
        smtp=offers(settings, "smtp", inside=inside) or offers(settings, "smtp", inside=True),
        home=f"https://{name_for(settings, 'autoconfig')}{shown}",
        names={name: f"https://{name}{shown}" for name in called},
        authority=None if own else authority,
        script=web_script(settings) if proxy else None,
    )
