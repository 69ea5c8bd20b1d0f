"""Messages from a snapshot into one new mail folder of their owner's mailbox (Maildir++).

May live here: which messages, and how the folder is made. May not: fetching them. The folder appears in one step, with
all of them: of several folders they are together in it. Nothing of Dovecot's own notes comes back; it makes them anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from appliance.backup.draft import appear
from appliance.backup.maildir import message, restored
from appliance.backup.matching import TOP, Matched, pattern
from appliance.backup.problem import BackupError
from appliance.backup_server.manifest import Entry, path_of
from appliance.daemon.descriptors import exists, opened

_SUBSCRIBED = "subscriptions"
_VERSION = b"V\t2\n\n"


def messages(lines: Iterable[bytes], folders: Sequence[str]) -> Matched:
    """The messages among a section's ``lines`` in the mail folders that are meant (none: in all), and what is above.

    ``Projekte/2026`` or ``Projekte/*``; one that is meant comes with those below. Raises :class:`BackupError`.
    """
    wanted = [pattern(one) for one in folders]
    above: dict[bytes, Entry] = {}
    found: dict[bytes, Entry] = {}
    count = 0
    for line in lines:
        path = path_of(line)
        if line.startswith(b"d "):
            above[path] = Entry.read(line)
            continue
        known = message(path) if line.startswith(b"f ") else None
        if known is None:
            continue
        count += 1
        names = [os.fsencode(name) for name in known.folder]
        if not wanted or any(one(names[:depth]) for one in wanted for depth in range(1, len(names) + 1)):
            found[path] = Entry.read(line)
    if not found:
        raise BackupError("no-copy", f"no message in such a folder is in this snapshot, which has {count} in all")
    for path in list(found):
        for depth in range(path.count(b"/") + 1):
            folder = b"/".join(path.split(b"/")[:depth]) or TOP
            found[folder] = above[folder]
    return Matched(dict(sorted(found.items(), key=lambda one: (one[0] != TOP, one[0]))), 0)


def deliver(staged: Path, entries: Mapping[bytes, Entry], folder: Path, box: int, name: str) -> tuple[str, int]:
    """Let the messages below ``staged`` appear in the open mailbox ``box`` as the mail folder ``name``.

    It is made in ``folder``, which nobody else enters. Gives its name, and the bytes of all. Raises ``OSError``.
    """
    made = folder / "folder"
    owner = os.fstat(box)
    for one in (made, made / "cur", made / "new", made / "tmp"):
        one.mkdir(mode=0o700)
    (made / "maildirfolder").touch(mode=0o600)
    taken: set[bytes] = set()
    size = 0
    for path, entry in entries.items():
        known = message(path)
        if known is None or entry.kind != "f":
            continue
        with contextlib.suppress(FileNotFoundError):  # it was not as it was saved
            (staged / os.fsdecode(path)).rename(made / "cur" / os.fsdecode(restored(known.name, taken)))
            size += entry.size
    for one in (made, *made.rglob("*")):
        _own(one, owner.st_uid, owner.st_gid)
    title = appear(made, box, name.replace(".", "_"), ".")
    _subscribe(title, box)
    return title, size


def _own(path: Path, uid: int, gid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)
    path.chmod(0o700 if path.is_dir() else 0o600)


def _subscribe(title: str, box: int) -> None:
    """Add it to what mail programs show, as Dovecot itself does: a lock that becomes the file. Not worth a failure."""
    lock = f"{_SUBSCRIBED}.lock"
    with contextlib.suppress(OSError):
        before = _VERSION
        if exists(_SUBSCRIBED, box):
            with opened(os.open(_SUBSCRIBED, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=box)) as known:
                before = os.read(known, 1 << 20)
        descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=box)
        with opened(descriptor):
            if os.geteuid() == 0:
                owner = os.fstat(box)
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.write(descriptor, before + title.encode() + b"\n")
            os.fsync(descriptor)
        os.rename(lock, _SUBSCRIBED, src_dir_fd=box, dst_dir_fd=box)
