"""Former versions of files (shadow copies) as Windows asks for them, where the data lie on btrfs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appliance.fileshare.smb.render import places, render_shares
from appliance.privileged.shadows import Shadows
from tests.integration.shares.conftest import LONG
from tests.integration.support_btrfs import hindrance
from tests.integration.support_domain import possible

pytestmark = [possible, pytest.mark.skipif(bool(hindrance()), reason=hindrance() or "btrfs")]
FIRST = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
SECOND = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
DENIED = "NT_STATUS_ACCESS_DENIED"


@pytest.fixture
def take(drives):
    """Make former versions as the helper does; they are offered meanwhile."""
    place = drives.domain.place
    before = place.shares.read_text()
    settings, now = drives.domain.settings, [FIRST]
    shadows = Shadows(settings.server.data, place.workgroup, lambda: now[0])

    def run(at):
        now[0] = at
        return shadows.take()

    place.shares.write_text(render_shares(replace(places(settings, True), ask=("/bin/true",))))
    drives.reload()
    yield run
    place.shares.write_text(before)
    drives.reload()
    for stamp in shadows.taken():
        shadows.remove(stamp)


def test_a_file_as_it_was(drives, take, text):
    drives.do("fred.muster", "Home", ["mkdir d", f"put {text} d/a.txt"])
    stamp = take(FIRST)
    text.write_text("written over")
    drives.do("fred.muster", "Home", f"put {text} d/a.txt")
    later = take(SECOND)
    drives.do("fred.muster", "Home", "del d/a.txt")
    said = drives.do("fred.muster", "Home", "allinfo d")
    assert stamp in said, said
    assert later in said
    assert "seen" in drives.do("fred.muster", "Home", f"get {stamp}/d/a.txt -")
    assert "written over" in drives.do("fred.muster", "Home", f"get {later}/d/a.txt -")
    assert "a.txt" in drives.do("fred.muster", "Home", f"ls {stamp}/d/*")
    assert "a.txt" in drives.do("fred.muster", "Home", [f"cd {stamp}/d", "ls"])


def test_nobody_writes_there(drives, take, text):
    drives.do("fred.muster", "Home", f"put {text} a.txt")
    stamp = take(FIRST)
    text.write_text("forged")
    for command in (f"put {text} {stamp}/a.txt", f"put {text} {stamp}/b.txt", f"del {stamp}/a.txt", f"mkdir {stamp}/d"):
        assert "NT_STATUS" in drives.do("fred.muster", "Home", command), command
    assert "seen" in drives.do("fred.muster", "Home", f"get {stamp}/a.txt -")


def test_groups_have_them_too_for_their_members(drives, take, text):
    drives.do("fred.muster", "Groups", f"put {text} class3a/a.txt")
    stamp = take(FIRST)
    drives.do("ida.muster", "Groups", "del class3a/a.txt")
    assert stamp in drives.do("ida.muster", "Groups", "allinfo class3a")
    assert "seen" in drives.do("ida.muster", "Groups", f"get {stamp}/class3a/a.txt -")
    said = drives.do("otto.andere", "Groups", [f"get {stamp}/class3a/a.txt -", f"ls {stamp}/class3a/*"])
    assert "seen" not in said
    assert said.count("NT_STATUS") == 2
    assert "class3a" not in drives.do("otto.andere", "Groups", f"ls {stamp}/*")


def test_the_kernel_keeps_people_apart_there_too(drives, take, text):
    """K05: a name in a former version that led to somebody else's home would open nothing."""
    (drives.home("ida.muster") / "a.txt").write_text("hers")
    stamp = take(FIRST)
    name = drives.domain.settings.server.data / ".shadows" / stamp / r"SCHULE\otto.andere"
    assert name.readlink().name == "otto.andere"
    name.unlink()
    name.symlink_to("tree/homes/ida.muster")
    said = drives.do("otto.andere", "Home", [f"get {stamp}/a.txt -", f"ls {stamp}/*"])
    assert "hers" not in said
    assert said.count("NT_STATUS") == 2
    assert "hers" in drives.do("ida.muster", "Home", f"get {stamp}/a.txt -")


def test_a_long_login_sees_its_own(drives, take, text):
    drives.do(f"{LONG}@schule.example", "Home", f"put {text} a.txt")
    stamp = take(FIRST)
    drives.do(f"{LONG}@schule.example", "Home", "del a.txt")
    assert "seen" in drives.do(f"{LONG}@schule.example", "Home", f"get {stamp}/a.txt -")


def test_what_a_mac_keeps_beside_a_file_is_there_as_well(drives, take, text):
    drives.do("fred.muster", "Home", [f"put {text} a.txt", f"put {text} a.txt:colour"])
    stamp = take(FIRST)
    drives.do("fred.muster", "Home", "del a.txt")
    assert "seen" in drives.do("fred.muster", "Home", f"get {stamp}/a.txt:colour -")


def test_the_first_of_a_day_comes_in_before_the_door_has_made_his_name(drives, take, text):
    """Samba looks for former versions before it asks the door, which makes the name: that must not close the share."""
    name = drives.domain.settings.server.runtime / "smb" / "homes" / r"SCHULE\fred.muster"
    there = name.readlink()
    place = drives.domain.place.shares
    before = place.read_text()
    made = f"/bin/ln -s {there} '{name}'"
    try:
        place.write_text(before.replace("exec /bin/true enter '%d' '%u' '%S' '%I'", made))
        drives.reload()
        name.unlink()
        assert "blocks" in drives.do("fred.muster", "Home", "ls")
    finally:
        place.write_text(before)
        drives.reload()
        if not name.is_symlink():
            name.symlink_to(there)
