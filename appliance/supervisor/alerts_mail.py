"""The way of a mail to the carer: through the smarthost, or our own submission; each within a bounded time.

May live here: which way, and the mail. May not: SMTP (``daemon.smtp_client``), when (``alerts_rule``) and what
(``alerts_text``). Blocking. Nothing goes in clear text, and no error names an address or a password.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from appliance.daemon.smtp_client import Unwanted, opened
from appliance.daemon.smtp_way import CannotSend, Way, to_smarthost
from appliance.settings.alerts import Alerts
from appliance.supervisor.alerts_text import Letter
from appliance.supervisor.probe import Visitor
from appliance.supervisor.reach import reach, trusting

PATIENCE: Final = 15.0
"""Seconds for one step."""
LIMIT: Final = 60.0
"""Seconds for a whole delivery, however slowly the other side speaks."""

__all__ = ["CannotSend", "Unwanted", "through_ourselves", "through_smarthost"]


def through_smarthost(settings: Alerts, domain: str, to: Sequence[str], letter: Letter) -> int:
    """Hand ``letter`` for ``to`` to the smarthost of ``settings``; gives how many of them it refused.

    Raises :class:`CannotSend` if nobody gets it, :class:`Unwanted` if nobody ever will.
    """
    smarthost = settings.smarthost
    if smarthost is None:
        raise CannotSend("there is no smarthost for addresses outside of the school")
    # The domain names no host of ours, but many servers want a name with a domain.
    way = to_smarthost(smarthost.host, smarthost.port, settings, domain, patience=PATIENCE, limit=LIMIT)
    sender = settings.sender or (settings.login if "@" in (settings.login or "") else None) or f"postmaster@{domain}"
    with opened(way) as client:
        return _send(client, sender, to, letter)


def through_ourselves(visitor: Visitor, to: Sequence[str], letter: Letter) -> int:
    """Hand ``letter`` for ``to``, addresses of the school, to our own mail; as :func:`through_smarthost`.

    The hidden account may speak for postmaster: who answers reaches the school's admins.
    """
    host, port = reach(visitor.settings, "submission")
    way = Way(
        host=host,
        port=port,
        name="localhost",
        whom="our own mail",
        context=trusting(visitor.ca),
        login=visitor.login,
        password=visitor.password,
        patience=PATIENCE,
        limit=LIMIT,
    )
    with opened(way) as client:
        return _send(client, f"postmaster@{visitor.settings.school.domain}", to, letter)


def _send(client: smtplib.SMTP, sender: str, to: Sequence[str], letter: Letter) -> int:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = formatdate()
    mail["Subject"] = letter.subject
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence note comes back
    mail.set_content(letter.text)
    return len(client.send_message(mail, sender, list(to)))
