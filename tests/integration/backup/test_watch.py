"""The hourly look at a real store: what is mailed by the machine's sendmail, and what the journal gets."""

import logging
import os
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from appliance.backup_server import alarm, enroll, store
from appliance.backup_server.pairing import SchoolValues
from appliance.backup_server.settings import Settings
from appliance.backup_server.watch import watch

KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}"
OTHER = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'B' * 43}"


class Machine:
    def __init__(self, folder):
        self.folder, self.memory, self.box = folder, folder / "told.json", folder / "mailbox"
        self.places = enroll.Places(Settings(folder / "copies", least_free=0), folder / "homes", accounts=False)
        enroll.enroll(self.places, "goethe", SchoolValues(KEY, OTHER))
        self.sendmail = folder / "sendmail"
        self.takes(0)
        self.now = datetime.now(UTC)

    def takes(self, code):
        """The stand-in of sendmail: a mail, and how it ends."""
        self.sendmail.write_text(f'#!/bin/sh\necho "TO $*" >>{self.box}\ncat >>{self.box}\nexit {code}\n')
        self.sendmail.chmod(0o755)

    def look(self, hours=0):
        send = partial(alarm.send, "carer@schule.example", sendmail=str(self.sendmail))
        return watch(self.places, self.memory, send, self.now + timedelta(hours=hours))

    def mail(self):
        text = self.box.read_text() if self.box.exists() else ""
        self.box.unlink(missing_ok=True)
        return " ".join(text.replace("=\n", "").split())


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    made.look()
    made.mail()  # that the disk is not encrypted is said where it is not
    return made


def test_a_school_that_was_just_paired_is_well(machine):
    assert machine.look()
    assert machine.mail() == ""


def test_silence_is_mailed_once_a_day_and_its_end(machine, caplog):
    caplog.set_level(logging.INFO)
    assert not machine.look(hours=40)
    said = machine.mail()
    assert "TO -i -- carer@schule.example" in said
    assert "goethe: no copy has come for 40 hours" in said
    assert not machine.look(hours=41)
    assert machine.mail() == ""
    found = store.place(machine.places.settings, "goethe")
    name = f"{machine.now + timedelta(hours=41):%Y-%m-%dT%H%M%S}"
    mode = found.snapshots.stat().st_mode
    found.snapshots.chmod(0o700)
    (found.snapshots / name).mkdir()
    found.snapshots.chmod(mode)
    assert machine.look(hours=42)
    assert "all is well again" in machine.mail()
    assert "goethe" not in caplog.text
    assert "silent" in caplog.text


def test_a_disk_that_is_not_mounted_is_no_silence(machine):
    """The copies are behind the folder where the disk belongs."""
    (machine.folder / "copies").rename(machine.folder / "elsewhere")
    (machine.folder / "copies").mkdir()
    assert not machine.look()
    assert "is the disk mounted?" in machine.mail()


def test_what_could_not_be_mailed_is_mailed_the_next_time(machine):
    machine.takes(75)
    assert not machine.look(hours=40)
    machine.mail()
    machine.takes(0)
    assert not machine.look(hours=41)
    assert "no copy has come" in machine.mail()


def test_without_sendmail_it_is_not_well_and_goes_on(machine):
    machine.sendmail.unlink()
    assert not machine.look(hours=40)


def test_what_was_told_is_for_root_alone(machine):
    machine.look(hours=40)
    assert os.stat(machine.memory).st_mode & 0o777 == 0o600
