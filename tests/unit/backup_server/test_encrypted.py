"""Whether a disk is encrypted, as trees of /sys tell it."""

from pathlib import Path

import pytest

from appliance.backup_server.encrypted import encrypted

MOUNT = "36 25 {number} / {place} rw - {kind} {source} rw\n"


class Machine:
    def __init__(self, folder: Path) -> None:
        self.sys = folder / "sys"
        self.mounts = folder / "mountinfo"
        self.mounts.write_text("")
        (self.sys / "dev" / "block").mkdir(parents=True)
        self._count = 0

    def device(self, name, uuid=None, below=()):
        """A block device, made of others."""
        self._count += 1
        made = self.sys / "class" / "block" / name
        (made / "slaves").mkdir(parents=True)
        for one in below:
            (made / "slaves" / one.name).symlink_to(one)
        if uuid:
            (made / "dm").mkdir()
            (made / "dm" / "uuid").write_text(f"{uuid}\n")
            (made / "dm" / "name").write_text(f"name-of-{name}\n")
        (self.sys / "dev" / "block" / f"8:{self._count}").symlink_to(made)
        self.number = f"8:{self._count}"
        return made

    def mount(self, place, kind="ext4", number=None, source="/dev/x"):
        escaped = str(place).replace(" ", "\\040")
        with self.mounts.open("a") as file:
            file.write(MOUNT.format(number=number or self.number, place=escaped, kind=kind, source=source))

    def says(self, folder):
        return encrypted(folder, self.mounts, self.sys)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_plain_partition_is_not(machine, tmp_path):
    machine.device("sda1")
    machine.mount("/")
    assert machine.says(tmp_path) is False


def test_luks_is_also_below_and_above_lvm_and_md(machine, tmp_path):
    disk = machine.device("sda1")
    luks = machine.device("dm-0", "CRYPT-LUKS2-abc-data", [disk])
    machine.device("dm-1", "LVM-xyz", [luks])
    machine.mount("/")
    assert machine.says(tmp_path) is True
    half = machine.device("dm-2", "CRYPT-PLAIN-x")
    machine.device("md0", below=[half, disk])
    machine.mount(tmp_path)
    assert machine.says(tmp_path / "data") is False, "one half of the mirror is not"
    machine.device("dm-3", "CRYPT-LUKS1-top", [machine.device("md1", below=[disk])])
    machine.mount(tmp_path / "data")
    assert machine.says(tmp_path / "data" / "homes") is True


def test_the_longest_and_last_mount_counts(machine, tmp_path):
    machine.device("dm-0", "CRYPT-LUKS2-a")
    machine.mount("/")
    machine.device("sdb1")
    machine.mount(tmp_path / "my data")
    assert machine.says(tmp_path / "my data") is False
    assert machine.says(tmp_path / "my datum") is True
    machine.mount(tmp_path / "my data", number="8:1")
    assert machine.says(tmp_path / "my data") is True


def test_all_devices_of_btrfs_count(machine, tmp_path):
    pool = machine.sys / "fs" / "btrfs" / "1234" / "devices"
    pool.mkdir(parents=True)
    for name, uuid in (("dm-0", "CRYPT-LUKS2-a"), ("dm-1", "CRYPT-LUKS2-b")):
        (pool / name).symlink_to(machine.device(name, uuid))
    machine.mount("/", "btrfs", "0:31", "/dev/mapper/name-of-dm-0")
    assert machine.says(tmp_path) is True
    (pool / "sdc").symlink_to(machine.device("sdc"))
    assert machine.says(tmp_path) is False


def test_memory_is_no_disk_and_what_is_elsewhere_is_unknown(machine, tmp_path):
    machine.mount("/", "nfs4", "0:44", "server:/x")
    assert machine.says(tmp_path) is None
    machine.mount(tmp_path, "tmpfs", "0:45", "tmpfs")
    assert machine.says(tmp_path) is True


def test_devices_that_are_made_of_each_other_end(machine, tmp_path):
    one = machine.device("dm-0", "LVM-a")
    (one / "slaves" / "dm-0").symlink_to(one)
    machine.mount("/")
    assert machine.says(tmp_path) is None


@pytest.mark.parametrize("broken", ["", "\n", "1 2 3\n", "36 25 8:1 / / rw\n", "36 25 8:1 / / rw - ext4\n"])
def test_what_cannot_be_read_is_unknown(machine, tmp_path, broken):
    machine.mounts.write_text(broken)
    assert machine.says(tmp_path) is None
    machine.mounts.unlink()
    assert machine.says(tmp_path) is None
