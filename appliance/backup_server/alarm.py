"""Mail to whoever looks after this machine, by the machine's own sendmail. May live here: the mail and its way out."""

from __future__ import annotations

import os
import socket
import subprocess
import textwrap
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from appliance.backup_server.alarm_rule import News

SENDMAIL = "/usr/sbin/sendmail"
_PATIENCE = 120.0
_WIDTH = 76
_MOST = 50  # whoever breaks into a school can ask for thousands of things


class NotSent(Exception):
    """No mail could be handed over; the text says why."""


def letter(told: News, host: str) -> tuple[str, str]:
    """Give subject and text."""
    subject = f"Backup server {host}: " + (f"{len(told.troubles)} to see to" if told.troubles else "all is well again")
    blocks = [one.text for one in told.troubles[:_MOST]]
    if len(told.troubles) > _MOST:
        blocks.append(f"And {len(told.troubles) - _MOST} more.")
    if told.over:
        blocks += ["Over:", *told.over]
    return subject, "\n\n".join(map(_wrapped, blocks)) + "\n"


def _wrapped(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(textwrap.fill(line, _WIDTH, break_long_words=False, break_on_hyphens=False) for line in lines)


def send(to: str, told: News, sendmail: str = SENDMAIL) -> None:
    """Mail what is ``told`` to the address or local user ``to``; raises :class:`NotSent`."""
    host = socket.gethostname()
    mail = EmailMessage()
    subject, text = letter(told, host)
    mail["From"], mail["To"], mail["Subject"] = "root", to, subject
    mail["Date"], mail["Message-ID"], mail["Auto-Submitted"] = formatdate(), make_msgid(domain=host), "auto-generated"
    mail.set_content(text)
    try:
        done = subprocess.run(
            (sendmail, "-i", "--", to),
            input=mail.as_bytes(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"},
        )
    except FileNotFoundError as error:
        raise NotSent("no sendmail is installed here") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        cause = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it takes too long"
        raise NotSent(f"sendmail: {cause}") from error
    if done.returncode != 0:
        raise NotSent(f"sendmail ended with {done.returncode}")
