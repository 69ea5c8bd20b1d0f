"""The probe of files: puts a file into its home over FTP with TLS, lists it, gets it back, compares it, deletes it.

RFC 959 with explicit TLS as in RFC 4217. Blocking. Never logs or raises an address or a path.
"""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
from collections.abc import Iterator

from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.reach import reach, trusting

_SIZE = 8 * 1024
_FOLDER = "/Home"


def probe_files(visitor: Visitor) -> None:
    """Move a few KiB to the disk and back; raises :class:`ProbeFailed`."""
    name, content, came = f"probe-{os.urandom(8).hex()}", os.urandom(_SIZE), io.BytesIO()
    context = trusting(visitor.ca)
    with _blaming(), ftplib.FTP_TLS(context=context, timeout=visitor.timeout) as client:  # noqa: S321 - inside TLS
        client.connect(*reach(visitor.settings, "ftp"))
        client.auth()
        _sign_in(client, visitor)
        client.prot_p()
        client.cwd(_FOLDER)
        client.storbinary(f"STOR {name}", io.BytesIO(content))
        try:
            if name not in client.nlst():
                raise ProbeFailed("fileshare", "FTP: the file that was stored is not listed")
            client.retrbinary(f"RETR {name}", came.write)
        finally:
            client.delete(name)
    if came.getvalue() != content:
        raise ProbeFailed("fileshare", "FTP: the file that came back is not the one stored")


def _sign_in(client: ftplib.FTP_TLS, visitor: Visitor) -> None:
    try:
        client.login(visitor.login, visitor.password.reveal(), secure=False)  # AUTH was sent already
    except ftplib.error_perm as refusal:
        raise WrongPassword(None, "FTP: the sign-in was refused") from refusal
    except ftplib.error_temp as refusal:
        raise ProbeFailed(None, "FTP: the sign-in cannot be checked now") from refusal


@contextlib.contextmanager
def _blaming() -> Iterator[None]:
    """Any failure inside is the file service's, told without addresses."""
    try:
        yield
    except TimeoutError as problem:
        raise ProbeFailed("fileshare", "FTP: no answer in time") from problem
    except (ftplib.error_perm, ftplib.error_temp) as refusal:
        raise ProbeFailed(None, f"FTP: answered {str(refusal)[:3]}") from refusal  # who refuses is alive
    except ftplib.Error as problem:
        raise ProbeFailed("fileshare", f"FTP: answered {str(problem)[:3]}") from problem
    except (OSError, EOFError) as problem:
        number = problem.errno if isinstance(problem, OSError) else None
        raise ProbeFailed("fileshare", f"FTP: {os.strerror(number) if number else type(problem).__name__}") from problem
