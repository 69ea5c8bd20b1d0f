"""``certificates.yaml``: by which certificate programs know this server; ``schoolserver setup`` installs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, Maybe
from appliance.daemon.options_network import HOST
from appliance.daemon.options_values import PATH


@dataclass(frozen=True, slots=True)
class Certificates:
    """``certificate`` and ``key`` are both ``None`` or both set; ``names`` are DNS names in lower case or addresses."""

    certificate: Path | None = option(
        Maybe(PATH),
        None,
        "The school's own certificate with its chain (PEM), which phones and PCs at home trust already. Without it the "
        "server's own local authority makes one, which each device has to be told to trust.",
        example="/etc/letsencrypt/live/schule.example/fullchain.pem",
    )
    key: Path | None = option(
        Maybe(PATH),
        None,
        "The private key of that certificate (PEM, without a password).",
        example="/etc/letsencrypt/live/schule.example/privkey.pem",
    )
    names: tuple[str, ...] = option(
        ListOf(HOST),
        [],
        "Names and addresses under which programs reach this server. None: mail.DOMAIN. "
        "The local authority signs for names in the school's domain only.",
        example=["mail.schule.example", "10.1.0.2"],
    )
