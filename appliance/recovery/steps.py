"""A recovery in steps, each of which may be cut short and done again; setup's own steps come after them.

May live here: the order, and what one step hands to the next. May not: how a step is done, what the terminal shows.
The order: nothing is written before the snapshot's signature, the dump's hash and the settings have been found right,
and nothing starts before all that came has been compared with what was signed.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from appliance.backup.days import moment
from appliance.backup.deletions import Deletions
from appliance.backup.dump_layout import USERS, Users, of_this_machine
from appliance.backup.intent import own_folder, parts
from appliance.backup.problem import BackupError
from appliance.backup.recovery_key import Facts
from appliance.backup_server.manifest import Entry, Index
from appliance.daemon.identities import Identities
from appliance.daemon.whole_file import write_whole
from appliance.recovery import certificate, compare, databases, dump, fits
from appliance.recovery.carers import carers
from appliance.recovery.choice import chosen
from appliance.recovery.mend import mend
from appliance.recovery.owners import Owners
from appliance.recovery.reader import Reader
from appliance.recovery.record import Folder, Record
from appliance.settings.load import load
from appliance.setup import subvolumes
from appliance.setup.places import Places
from appliance.setup.prepare import Plan, prepare
from appliance.setup.steps import Step
from appliance.setup.survey import last_answers
from appliance.setup.system import System

if TYPE_CHECKING:
    from appliance.backup.intent import SecondPlace

_ZONE: Final = ZoneInfo("Europe/Berlin")
"""In which a day is meant: the school's own is not known yet; this is its default."""

COMPARED: Final = "comparing with the manifest"
"""The last step that touches what is the school's: a machine that is set up is gone on with only after it."""


@dataclass(slots=True)
class Recovery:
    """What comes back from ``place``, by the sheet's ``facts``; ``wanted`` is a day or a snapshot, ``None`` the newest.

    ``progress`` gets how far the step is, in percent. Then ``record`` says what came of it, and ``notes`` what to know.
    """

    places: Places
    system: System
    place: SecondPlace
    facts: Facts
    wanted: str | None = None
    progress: Callable[[int], None] = lambda _: None
    record: Record = field(default_factory=lambda: Record("", ""))
    index: Index | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Folder:
        """Where lies what is on its way."""
        return Folder(self.places.state / "recovery")

    def steps(self) -> Sequence[Step]:
        """Everything before setup's own steps, in order; what an earlier attempt has done is left out."""
        self.folder.make()
        self.record = self.folder.read() or self.record
        every: tuple[tuple[str, Callable[[], None]], ...] = (
            ("manifest", self._manifest),
            ("dump", self._dump),
            ("settings and state", self._unpack),
            ("databases", self._databases),
            ("folders", self._folders),
            ("fitting", self._fit),
            *((part, self._bring(part)) for part in ("homes", "groups", "mail", "audit")),
            (COMPARED, self._compare),
            ("accounts deleted since", self._delete_again),
        )
        left = tuple(self._once(text, act) for text, act in every if text not in self.record.seconds)
        return (Step("snapshot", self._choose), *left) if left else ()

    @contextmanager
    def timed(self, text: str) -> Iterator[None]:
        """Note that the step ``text`` was done, and how long it took."""
        begun = time.monotonic()
        yield
        self.record = self.record.done(text, time.monotonic() - begun)
        self.folder.write(self.record)

    def _once(self, text: str, act: Callable[[], None]) -> Step:
        def timed() -> None:
            with self.timed(text):
                act()

        return Step(text, timed)

    @property
    def _reader(self) -> Reader:
        return Reader(self.place, self.folder.complaints)

    def _choose(self) -> None:
        """One that is under way goes on with its snapshot, whatever has come since."""
        snapshots = self._reader.snapshots()
        if not self.record.snapshot:
            name = chosen(snapshots, self.wanted, _ZONE, datetime.now(UTC))
            self.record = Record(self.facts.user, name)
        elif self.record.school != self.facts.user or self.wanted not in (None, self.record.snapshot):
            raise BackupError(
                "refused",
                f"a recovery of {self.record.snapshot} of {self.record.school} is under way on this machine; go on with"
                " that one, or begin on a fresh machine",
            )
        self.index = self._reader.index(self.record.snapshot, self.facts.signing_key)
        self.folder.write(self.record)

    def _manifest(self) -> None:
        index = self._signed()
        self._reader.sections(self.record.snapshot, index, self.folder.sections)
        size = sum(entry.size for entry in compare.entries(index, self.folder.sections) if entry.kind == "f")
        free = shutil.disk_usage(Path(str(self.places.layout["data"]))).free
        if free < size:
            self.notes.append(
                f"the files have {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free for them: unless some have"
                " holes, the disk will be full. Then give it more room, and run this again"
            )

    def _dump(self) -> None:
        index = self._signed()
        if index.dump is None:
            raise BackupError("no-copy", "the snapshot was made without a dump; take another --date")
        self._reader.dump(self.record.snapshot, index.dump, self.folder.dump)
        fits.check(dump.look(self._sealed()), self.places)

    def _unpack(self) -> None:
        inside, here = dump.look(self._sealed()), of_this_machine()
        targets = dump.Targets(self.places.settings, self.places.state, self.folder.exports)
        dump.unpack(self._sealed(), targets, Owners.of(inside.users, here), here)
        (self.folder.exports / USERS).write_bytes(inside.users.encode())
        if certificate.put_back(load(self.places.settings)):
            self.notes.append("the school's own certificate was put back where certificates.yaml names it")

    def _databases(self) -> None:
        databases.bring_back(load(self.places.settings), self.folder.exports)

    def _folders(self) -> None:
        """Mail is parted from the rest while it is empty, as setup does it."""
        self.system.folders()
        subvolumes.apart(Path(str(self.places.layout["data"])))

    def _fit(self) -> None:
        """Whatever setup would refuse at the end is told before the long part begins."""
        self.plan()

    def plan(self) -> Plan:
        """Give what setup has to do once everything is here; raises :class:`Wrong`."""
        answers, gone = carers(last_answers(self.places))
        if gone:
            note = (
                f"this machine has no user {', '.join(gone)}; make them, then schoolserver setup lets them command it"
            )
            self.notes += [] if note in self.notes else [note]
        return prepare(self.places, self.system, answers)

    def _bring(self, name: str) -> Callable[[], None]:
        def act() -> None:
            index = Index("", "", None, None, frozenset(one for one in self._signed().sections if one[0] == name))
            folder = next(part.folder for part in parts(load(self.places.settings)) if part.name == name)
            try:
                source = f"{self.record.snapshot}/{name}"
                paths = compare.paths(index, self.folder.sections)
                self._reader.part(source, paths, folder, self._owners(), self.progress)
            except BackupError as error:
                if error.kind != "unreadable":
                    raise
                self.notes.append(f"of {name} some files did not come; the comparison says which")

        return act

    def _compare(self) -> None:
        index, owners = self._signed(), self._owners()
        folders = {part.name: part.folder for part in parts(load(self.places.settings))}
        files = size = differing = 0
        with self.folder.differences.open("w", encoding="utf-8", errors="backslashreplace") as told:
            self.folder.differences.chmod(0o600)
            for done, section in enumerate(compare.sections(index, self.folder.sections)):
                for difference in compare.compare(section, folders[section.part], owners):
                    differing += 1
                    print(difference, file=told)
                    mend(difference, folders[section.part])
                for entry in map(Entry.read, section.lines):
                    files, size = files + 1, size + (entry.size if entry.kind == "f" else 0)
                self.progress(100 * (done + 1) // max(1, len(index.sections)))
        self.record = replace(self.record, files=files, size=size, differing=differing)

    def _delete_again(self) -> None:
        """The supervisor does it when the directory answers; what the lost machine has signed stays believed."""
        settings = load(self.places.settings)
        identity = Identities(settings.server).of("supervisor")
        owner = (identity.uid, identity.gid) if os.geteuid() == 0 else None
        since = moment(self.record.snapshot).date()
        Deletions(settings.server.state).order(self._reader.deleted(), since, owner)
        own = own_folder(settings)
        own.make()
        write_whole(own.keys / "former.pub", f"{self.facts.signing_key}\n".encode("ascii"), 0o600)

    def _sealed(self) -> dump.Sealed:
        return dump.Sealed(self.folder.dump, self.place.key)

    def _owners(self) -> Owners:
        """By the table that came with the state."""
        return Owners.of(Users.decode((self.folder.exports / USERS).read_bytes()), of_this_machine())

    def _signed(self) -> Index:
        assert self.index is not None  # noqa: S101 - the first step has it
        return self.index
