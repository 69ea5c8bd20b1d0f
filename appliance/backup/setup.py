"""Making the two places known to each other: our key, and the key of the machine over there.

May live here: OpenSSH's own programs for keys. May not: trusting a key that nobody has compared.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.backup import standing
from appliance.backup.intent import SecondPlace, own_folder, second_place
from appliance.backup.problem import BackupError
from appliance.backup.run import record_owner
from appliance.daemon.whole_file import sync_folder, write_whole

if TYPE_CHECKING:
    from appliance.settings.load import Settings

RECEIVER = "/usr/lib/schoolserver/receiver /srv/copies"
"""What the second place runs for our key where schoolserver-backup-server is installed."""

_TIME = 60.0


def set_up(settings: Settings, fingerprint: str | None = None) -> dict[str, Any]:
    """Make our key if there is none, and trust the machine whose key has the ``fingerprint`` (``SHA256:...``) if given.

    Gives ``line`` (for authorized_keys there), ``found`` (fingerprints that the machine shows now) and ``trusted``
    (whether one is trusted). Raises :class:`BackupError`.
    """
    place = second_place(settings)
    line = authorized_line(settings)
    found = {_fingerprint(key): key for key in _scan(place)}
    if fingerprint is not None:
        if fingerprint not in found:
            raise BackupError("refused", f"the machine has no key of that fingerprint, but {', '.join(found)}")
        trust(settings, found[fingerprint])
    return {"line": line, "found": list(found), "trusted": place.known_hosts.exists()}


def authorized_line(settings: Settings) -> str:
    """The line for authorized_keys in the second place; raises :class:`BackupError`."""
    return f'restrict,command="{RECEIVER}" {public_key(settings)}'


def key_fingerprint(settings: Settings) -> str:
    """The fingerprint of our public key (``SHA256:...``); raises :class:`BackupError`."""
    return _fingerprint(public_key(settings))


def public_key(settings: Settings) -> str:
    """Our public key, made with its private half when it is missing; raises :class:`BackupError`."""
    place, own = second_place(settings), own_folder(settings)
    own.make()
    public = place.key.with_suffix(".pub")
    if not place.key.exists():
        new = place.key.with_name("key.new")
        for left in (new, new.with_suffix(".new.pub")):
            left.unlink(missing_ok=True)  # of one that was cut short
        _output(("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "schoolserver-copy", "-f", str(new)))
        for made in (new, new.with_suffix(".new.pub")):
            with made.open("rb") as file:
                os.fsync(file.fileno())
        new.with_suffix(".new.pub").rename(public)
        new.rename(place.key)  # last, so that a key that is there is whole and has its public half
        sync_folder(own.keys)
    if not public.exists():
        write_whole(public, _output(("/usr/bin/ssh-keygen", "-y", "-f", str(place.key))).encode("ascii"), 0o644)
    return public.read_text(encoding="ascii").strip()


def trust(settings: Settings, key: str) -> None:
    """Trust the machine over there by its public ``key`` (type and base64, as in its file), and no other."""
    place, own = second_place(settings), own_folder(settings)
    name = place.host if place.port == 22 else f"[{place.host}]:{place.port}"
    kind, text, *_ = key.split()
    own.make()
    write_whole(place.known_hosts, f"{name} {kind} {text}\n".encode("ascii"), 0o600)
    record = standing.read(own.folder)
    if record.set_up is None:
        standing.write(own.folder, replace(record, set_up=datetime.now(UTC)), record_owner(settings))


def _scan(place: SecondPlace) -> list[str]:
    argv = ("/usr/bin/ssh-keyscan", "-T", f"{place.timeout:.0f}", "-p", str(place.port), "--", place.host)
    said = _output(argv, may_fail=True)
    keys = [line.split(maxsplit=1)[1] for line in said.splitlines() if line and not line.startswith("#")]
    if not keys:
        raise BackupError(
            "unreachable",
            f"no ssh answers at {place.host}, port {place.port}; is the name right (backup.yaml: target), is the"
            " machine on, does ssh run there?",
        )
    return keys


def _fingerprint(key: str) -> str:
    return _output(("/usr/bin/ssh-keygen", "-l", "-E", "sha256", "-f", "-"), key).split()[1]


def _output(argv: Sequence[str], given: str = "", *, may_fail: bool = False) -> str:
    try:
        done = subprocess.run(
            argv,
            input=given,
            capture_output=True,
            text=True,
            timeout=_TIME,
            check=False,
            env={"HOME": "/", "LANG": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        cause = os.strerror(error.errno or 0) if isinstance(error, OSError) else "no answer"
        raise BackupError("not-set-up", f"{argv[0]}: {cause}") from error
    if done.returncode != 0 and not done.stdout and not may_fail:
        raise BackupError("unreachable", f"{argv[0]} ended with {done.returncode}")
    return done.stdout
