"""What an SMTP client must know of a mail server: where it is, what proves it, as whom to sign in there.

May live here: that, and reading it from files. May not: SMTP (``smtp_client``).
"""

from __future__ import annotations

import grp
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.secret import Secret

_PASSWORD_LIMIT = 1000


class CannotSend(Exception):
    """A mail did not get away; the text says why, for the carer, and names no address and no password."""


class Broken(CannotSend):
    """No mail gets away, nor will it by itself: somebody must change a setting or a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way to the server ``whom``, as errors call it: STARTTLS or, ``at_once``, TLS from the first byte.

    ``name`` is said in the greeting. ``patience`` is for one step and ``limit`` for a connection, in seconds.
    """

    host: str
    port: int
    name: str
    whom: str
    context: ssl.SSLContext
    at_once: bool = False
    login: str | None = None
    password: Secret | None = None
    patience: float = 15.0
    limit: float = 60.0


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Trust the system's certificates and those in ``ca``. Raise :class:`Broken`."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as problem:
            cause = "no PEM" if isinstance(problem, ssl.SSLError) else problem.strerror
            raise Broken(f"the certificates in {ca} cannot be used: {cause}") from problem
    return context


def password_in(path: Path | None) -> Secret | None:
    """Read the password that is the first line of ``path``, if there is one. Raise :class:`Broken`."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o007:
                raise Broken(f"everybody may read {path}: chmod o= {path}")
            line = file.readline(_PASSWORD_LIMIT).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        cause = problem.strerror if isinstance(problem, OSError) else "no text"
        remedy = f"; {let_read(path, os.getegid())}" if isinstance(problem, PermissionError) else ""
        raise Broken(f"the password in {path} cannot be read: {cause}{remedy}") from problem
    if not line:
        raise Broken(f"there is no password in {path}")
    return Secret(line)


def let_read(path: Path, group: int) -> str:
    """Give the commands that let the group of this number read ``path``, and nobody else."""
    try:
        name = grp.getgrgid(group).gr_name
    except KeyError:
        name = str(group)
    return f"chown root:{name} {path} && chmod 640 {path}"
