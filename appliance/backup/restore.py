"""The way back: files of a home or a group from one snapshot, to whom they belong and nobody else (K16).

They are fetched into a folder that only root can enter, compared there with what was signed when they were saved, and
appear as a whole in a new folder of their own. Nothing is overwritten, and no link is followed. Mail goes another way
from the comparison on (``restore_mail``).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.backup.compared import Compared, compare
from appliance.backup.days import meant, moment
from appliance.backup.draft import appear, draft
from appliance.backup.intent import own_folder
from appliance.backup.matching import TOP, Matched, matched
from appliance.backup.problem import BackupError
from appliance.backup.reading import Reader, reader
from appliance.backup.restore_mail import deliver, messages
from appliance.backup.room import check_room
from appliance.backup.rsync import Runner
from appliance.backup.wanted import GROUPS, HOMES, MAIL, Wanted
from appliance.backup_server.manifest import Entry, Section
from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.texts import translator
from appliance.daemon.walking import Walk
from appliance.privileged import acl
from appliance.privileged.mending import Owner, mend
from appliance.usage.weight import weight_of

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_ROOT = os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class _Found:
    """What is wanted of which ``snapshot``."""

    snapshot: str
    section: Section
    matched: Matched


def restore(
    settings: Settings,
    wanted: Wanted,
    started: Callable[[Runner], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, Any]:
    """Bring it back; ``started(runner)`` gets what can be stopped. Raises :class:`BackupError`.

    Gives the name of the new ``folder`` and of the ``snapshot``, how many ``files`` it has, how many were ``lacking``
    (gone, or not as they were saved), how many were ``left`` (not this owner's), and the bytes ``added`` by uid.
    """
    own = own_folder(settings)
    own.make()
    runner = Runner(None, own.folder / f"restore-{os.getpid()}.complaints")
    started(runner)
    zone = settings.school.zone
    try:
        with _target(settings, wanted) as target, reader(settings, runner) as remote:
            snapshot = meant(wanted.date, remote.snapshots(), zone, now())
            found = _found(remote, snapshot, wanted)
            check_room(settings, wanted, found.matched.entries.values())
            above = settings.server.data / wanted.part
            with draft(above) as folder:
                staged, compared = _fetched(remote, found, wanted, folder)
                title = translator(settings.school.language)("Restored")
                name = f"{title}-{moment(snapshot).astimezone(zone):%Y-%m-%d}"
                if wanted.part == MAIL:
                    name, size = deliver(staged, found.matched.entries, folder, target, name)
                    added = {wanted.number: size}
                else:
                    added = _owned(staged, wanted, settings)
                    name = appear(staged, target, name)
        return {
            "folder": name,
            "snapshot": snapshot,
            "files": compared.files,
            "lacking": compared.lacking,
            "left": found.matched.left,
            "added": {str(uid): size for uid, size in added.items()},
        }
    except OSError as error:
        raise BackupError("disk", f"it cannot be put there: {os.strerror(error.errno or 0)}") from error
    finally:
        runner.complaints.unlink(missing_ok=True)


def _found(remote: Reader, snapshot: str, wanted: Wanted) -> _Found:
    section = remote.section(snapshot, wanted.part, wanted.name)
    whose = Entry.read(section.lines[0]).gid if wanted.part == GROUPS else section.uid
    if whose != wanted.number and _ROOT:
        raise BackupError("not-owner", "in that snapshot this belongs to somebody else of the same name")
    if wanted.part == MAIL:
        return _Found(snapshot, section, messages(section.lines, wanted.paths))
    uid = wanted.number if wanted.part == HOMES and _ROOT else None
    return _Found(snapshot, section, matched(section.lines, wanted.paths, uid))


def _fetched(remote: Reader, found: _Found, wanted: Wanted, folder: Path) -> tuple[Path, Compared]:
    into = folder / "files"
    into.mkdir(mode=0o700)
    entries = found.matched.entries
    unit = os.fsencode(wanted.name)
    paths = (unit if path == TOP else unit + b"/" + path for path in entries)
    remote.files(found.snapshot, wanted.part, paths, into)
    staged = into / wanted.name
    if not staged.is_dir() or staged.is_symlink():
        raise BackupError("damaged", "nothing came back from the backup server; try another day")
    return staged, compare(staged, entries, owners=_ROOT)


@contextlib.contextmanager
def _target(settings: Settings, wanted: Wanted) -> Iterator[int]:
    """The folder in which it is to appear, if it belongs to whom it should."""
    above = settings.server.data / (GROUPS if wanted.part == GROUPS else HOMES)
    try:
        descriptor = os.open(above / wanted.name, FOLDER)
    except OSError as error:
        raise BackupError("not-owner", "there is no folder for it to go to") from error
    with opened(descriptor) as there:
        found = os.fstat(there)
        if _ROOT and wanted.number != (found.st_gid if wanted.part == GROUPS else found.st_uid):
            raise BackupError("not-owner", "the folder that it should go to belongs to somebody else")
        if wanted.part != MAIL:
            yield there
            return
    with _mailbox(settings.server.data / MAIL, wanted.name) as box:
        yield box


@contextlib.contextmanager
def _mailbox(above: Path, name: str) -> Iterator[int]:
    """The mailbox, which goes by its login where the home does; made if it is missing."""
    with opened(os.open(above, FOLDER)) as boxes:
        owner = os.fstat(boxes)
        try:
            os.mkdir(name, 0o700, dir_fd=boxes)
        except FileExistsError:
            made = False
        else:
            made = True
        with opened(os.open(name, FOLDER, dir_fd=boxes)) as box:
            if made and _ROOT:
                os.fchown(box, owner.st_uid, owner.st_gid)
            if os.fstat(box).st_uid != owner.st_uid:
                raise BackupError("not-owner", "something that is no mailbox stands where that of the account should")
            yield box


def _owned(staged: Path, wanted: Wanted, settings: Settings) -> dict[int, int]:
    """Give what will appear its owner, modes and lists, and say how many bytes it adds for whom."""
    with opened(os.open(staged, FOLDER)) as top:
        if wanted.part == GROUPS:
            if _ROOT:
                mend(top, Owner(wanted.number))
                os.fchown(top, 0, wanted.number)
            acl.share(top)
            os.fchmod(top, stat.S_ISGID | 0o770)
        else:
            acl.forget(top)
            os.fchmod(top, 0o700)
        ids = range(settings.directory.id_first, settings.directory.id_last + 1)
        added: Counter[int] = Counter()
        for folder, entry in Walk(top):
            if entry is None:
                owner, name, found = os.fstat(folder).st_uid, ".", os.fstat(folder)
            else:
                found = entry.stat(follow_symlinks=False)
                owner, name = found.st_uid, entry.name
            payer = wanted.number if wanted.part == HOMES else owner
            if payer in ids:
                added[payer] += weight_of(found, name, folder)
        return dict(added)
