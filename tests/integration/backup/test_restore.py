"""From a copy to the owner's home: byte for byte, nothing overwritten, nobody else."""

import os
import stat

import pytest

from appliance.backup.problem import BackupError
from appliance.backup.restore import Wanted, restore
from tests.integration.backup.conftest import AS_ROOT, LONG_AGO, UID

LOGIN = "fred.mustermann"


def refused(school, path, login=LOGIN, uid=UID, date=None):
    with pytest.raises(BackupError) as caught:
        restore(school.settings, Wanted(login, uid, path, date))
    return caught.value.kind


def test_a_file_comes_back_byte_for_byte(school):
    home, content = school.home(), os.urandom(200_000)
    path = "Documents/Brief über 'Äpfel' * $x.odt"
    letter = school.put(home / path, content)
    name = school.copy().name
    letter.write_bytes(b"spoiled")
    came = restore(school.settings, Wanted(LOGIN, UID, path))
    assert came == {"folder": came["folder"], "snapshot": name}
    assert came["folder"].startswith("Restored-20")
    back = home / came["folder"] / path
    found = back.stat()
    assert back.read_bytes() == content
    assert (found.st_uid, stat.S_IMODE(found.st_mode), int(found.st_mtime)) == (UID, 0o640, LONG_AGO)
    assert (home / came["folder"]).stat().st_uid == UID
    assert stat.S_IMODE((home / came["folder"]).stat().st_mode) == 0o700
    assert letter.read_bytes() == b"spoiled"
    again = restore(school.settings, Wanted(LOGIN, UID, path, name))["folder"]
    assert again == f"{came['folder']}-2"
    assert [one.name for one in (school.data / "homes").iterdir()] == [LOGIN]


def test_a_folder_comes_back_with_all_in_it(school):
    home = school.home()
    school.put(home / "Work" / "deep" / "a", b"a")
    school.put(home / "Work" / "b", b"b")
    school.put(home / "other", b"other")
    (home / "Work" / "link").symlink_to("/etc/shadow")
    school.copy()
    folder = home / restore(school.settings, Wanted(LOGIN, UID, "Work"))["folder"]
    assert sorted(str(one.relative_to(folder)) for one in folder.rglob("*")) == [
        "Work",
        "Work/b",
        "Work/deep",
        "Work/deep/a",
        "Work/link",
    ]
    assert (folder / "Work" / "link").is_symlink()


def test_what_stands_in_the_way_is_left_alone(school):
    home, outside = school.home(), school.folder / "outside"
    outside.mkdir()
    school.put(home / "letter")
    name = school.copy().name
    probe = restore(school.settings, Wanted(LOGIN, UID, "letter"))["folder"]
    os.rename(home / probe, home / "aside")
    (home / probe).symlink_to(outside)
    (home / f"{probe}-2").write_bytes(b"a file")
    (home / f"{probe}-3").mkdir()
    assert restore(school.settings, Wanted(LOGIN, UID, "letter", name))["folder"] == f"{probe}-4"
    assert not list(outside.iterdir())
    assert (home / f"{probe}-2").read_bytes() == b"a file"


def test_a_link_leads_nowhere(school):
    """Neither on this machine nor on the other: whoever may ask for a path may not choose whose file it is."""
    home = school.home()
    (home / "away").symlink_to("/etc")
    school.home("erika.lehmann", UID + 1 if AS_ROOT else UID)
    school.put(school.data / "homes" / "erika.lehmann" / "diary")
    (home / "diary").symlink_to("../erika.lehmann")
    school.copy()
    for path in ("away/passwd", "diary/diary"):
        assert refused(school, path) in ("refused", "unreachable", "no-copy")
    assert not [one.name for one in home.iterdir() if one.name.startswith("Restored")]
    assert sorted(one.name for one in (school.data / "homes").iterdir()) == ["erika.lehmann", LOGIN]


def test_what_is_not_there(school):
    school.put(school.home() / "letter")
    assert refused(school, "letter") == "no-copy"
    school.copy()
    assert refused(school, "another") == "no-copy"
    assert refused(school, "letter", date="2020-01-01") == "no-copy"
    assert refused(school, "letter", login="nobody.here") == "not-owner"


@pytest.mark.skipif(not AS_ROOT, reason="needs a second user")
def test_a_login_given_again_does_not_open_the_old_files(school):
    school.put(school.home() / "letter")
    school.copy()
    os.rename(school.data / "homes" / LOGIN, school.folder / "gone")
    school.home(uid=UID + 1)
    assert refused(school, "letter", uid=UID + 1) == "not-owner"
    assert refused(school, "letter", uid=UID) == "not-owner"
