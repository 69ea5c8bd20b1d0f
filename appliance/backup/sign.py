"""The school's signature under an index, made with the key that opens the second place (ssh-keygen -Y).

May live here: OpenSSH's own program for it. May not: what is signed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.backup.problem import BackupError

NAMESPACE: Final = "schoolserver-manifest"
"""What such a signature is for; one that was made for something else does not count."""

_KEYGEN: Final = "/usr/bin/ssh-keygen"
_TIME: Final = 60.0
_WHO: Final = "school"


def sign(key: Path, data: bytes, namespace: str = NAMESPACE) -> bytes:
    """The signature of ``data`` with the private ``key`` (PROTOCOL.sshsig, armoured); raises :class:`BackupError`."""
    done = _run(("-Y", "sign", "-q", "-n", namespace, "-f", str(key)), data)
    if done.returncode != 0 or not done.stdout:
        raise BackupError("not-set-up", f"the manifest cannot be signed: ssh-keygen ended with {done.returncode}")
    return done.stdout


def verified(public: str, data: bytes, signature: bytes, namespace: str = NAMESPACE) -> bool:
    """Whether ``signature`` of ``data`` is of the key whose public half this is; raises :class:`BackupError`."""
    with tempfile.TemporaryDirectory() as folder:
        signers, signed = Path(folder) / "signers", Path(folder) / "signature"
        signers.write_text(f"{_WHO} {' '.join(public.split()[:2])}\n", encoding="ascii")
        signed.write_bytes(signature)
        who = ("-I", _WHO, "-n", namespace, "-f", str(signers), "-s", str(signed))
        return _run(("-Y", "verify", "-q", *who), data).returncode == 0


def _run(words: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            (_KEYGEN, *words),
            input=data,
            capture_output=True,
            timeout=_TIME,
            check=False,
            env={"HOME": "/", "LANG": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        cause = os.strerror(error.errno or 0) if isinstance(error, OSError) else "no answer"
        raise BackupError("not-set-up", f"{_KEYGEN}: {cause}") from error
