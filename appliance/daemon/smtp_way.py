"""What an SMTP client must know of a mail server: where it is, what proves it, as whom to sign in there.

May live here: that, and reading it from files. May not: SMTP (``smtp_client``).
"""

from __future__ import annotations

import grp
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.daemon.secret import Secret

_PATIENCE, _LIMIT = 15.0, 60.0
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
    patience: float = _PATIENCE
    limit: float = _LIMIT


class Access(Protocol):
    """What settings say of getting in at a mail server."""

    @property
    def encryption(self) -> str:
        """``tls`` from the first byte, or ``starttls``."""
        ...

    @property
    def ca(self) -> Path | None:
        """Certificates that prove it where the system's do not."""
        ...

    @property
    def login(self) -> str | None:
        """As whom to sign in, if at all."""
        ...

    @property
    def password_file(self) -> Path | None:
        """The file of the password."""
        ...


def to_smarthost(
    host: str, port: int, access: Access, name: str, *, patience: float = _PATIENCE, limit: float = _LIMIT
) -> Way:
    """Give the way to the smarthost with its files as they are now, greeting as ``name``. Raise :class:`Broken`."""
    return Way(
        host=host,
        port=port,
        name=name,
        whom="the smarthost",
        context=trusting(access.ca),
        at_once=access.encryption == "tls",
        login=access.login,
        password=password_in(access.password_file),
        patience=patience,
        limit=limit,
    )


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
