"""Faults of every kind are found in what came back, named, and made harmless."""

import os
import stat

import pytest

from appliance.backup.problem import BackupError
from appliance.backup_server.lines import line_of_living
from appliance.backup_server.manifest import Index, Section, digest
from appliance.recovery import compare
from appliance.recovery.mend import mend
from appliance.recovery.owners import Owners

SAME = Owners({os.geteuid(): os.geteuid()}, {os.getegid(): os.getegid()})
SALT = "0" * 32


class Home:
    """A home below ``folder``, and the section that was made of it when it was well."""

    def __init__(self, folder):
        self.folder, self.top = folder, folder / "fred"
        (self.top / "Mathe").mkdir(parents=True)
        (self.top / "Mathe" / "1.txt").write_text("2 + 2", encoding="ascii")
        (self.top / "link").symlink_to("Mathe")
        paths = [b".", *(os.fsencode(path.relative_to(self.top)) for path in self.top.rglob("*"))]
        self.section = Section.of("homes", "fred", None, SALT, map(self._entry, paths))

    def _entry(self, path):
        handle = os.open(self.top, os.O_RDONLY)
        try:
            return line_of_living(handle, path, path)[0]
        finally:
            os.close(handle)

    def differences(self):
        return [str(one) for one in compare.compare(self.section, self.folder, SAME)]

    def mended(self):
        for one in list(compare.compare(self.section, self.folder, SAME)):
            mend(one, self.folder)
        return self.differences()


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "homes")


def test_a_home_that_came_back_whole_differs_in_nothing(home):
    assert home.differences() == []


def test_another_content_is_named_and_left(home):
    path = home.top / "Mathe" / "1.txt"
    times = path.stat()
    path.write_text("2 + 3", encoding="ascii")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert home.differences() == ["homes/'fred/Mathe/1.txt': another content"]
    assert home.mended() == home.differences()


def test_another_mode_is_named_and_set_right(home):
    (home.top / "Mathe" / "1.txt").chmod(0o4777)
    assert home.differences() == ["homes/'fred/Mathe/1.txt': another mode"]
    assert home.mended() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_owner_is_named_and_set_right(home):
    os.lchown(home.top / "link", 20007, 20008)
    assert home.differences() == ["homes/'fred/link': another owner, another group"]
    assert home.mended() == []


def test_another_attribute_is_named(home):
    os.setxattr(home.top / "Mathe" / "1.txt", "user.colour", b"red")
    assert home.differences() == ["homes/'fred/Mathe/1.txt': another access list or attribute"]


def test_what_is_missing_is_named(home):
    (home.top / "link").unlink()
    assert "homes/'fred/link': is missing" in home.differences()


def test_a_unit_that_did_not_come_is_named_file_by_file(home):
    home.top.rename(home.folder / "other")
    assert len(home.differences()) == 4


def test_what_the_manifest_does_not_know_goes(home):
    (home.top / "Mathe" / "odd").write_text("?", encoding="ascii")
    (home.top / "dir").mkdir()
    assert any("odd': is not in the snapshot" in one for one in home.differences())
    home.mended()
    assert not (home.top / "Mathe" / "odd").exists()
    assert stat.S_IMODE((home.top / "dir").stat().st_mode) == 0o700


def test_another_kind_of_file_goes(home, tmp_path):
    (home.top / "Mathe" / "1.txt").unlink()
    (home.top / "Mathe" / "1.txt").symlink_to(tmp_path / "elsewhere")
    assert any("another kind of file" in one for one in home.differences())
    home.mended()
    assert not os.path.lexists(home.top / "Mathe" / "1.txt")


def test_numbers_of_the_lost_machine_are_translated(home):
    uid = os.geteuid() or 0
    lines = [line.replace(b" %d " % uid, b" 995 ", 1) for line in home.section.lines]
    section = Section("homes", "fred", None, SALT, tuple(lines))
    assert list(compare.compare(section, home.folder, Owners({995: uid}, {}))) == []


def test_sections_are_what_the_index_says_or_nothing(home, tmp_path):
    data = home.section.encode()
    index = Index("goethe", "2026-11-22T01:02:03Z", None, None, frozenset({("homes", digest(data))}))
    kept = tmp_path / digest(data)
    kept.write_bytes(data)
    assert list(compare.sections(index, tmp_path)) == [home.section]
    assert list(compare.paths(index, tmp_path)) == [b"fred", b"fred/Mathe", b"fred/Mathe/1.txt", b"fred/link"]
    kept.write_bytes(data.replace(b"Mathe", b"Musik"))
    with pytest.raises(BackupError, match="not the one that was signed"):
        list(compare.sections(index, tmp_path))
    assert not kept.exists()
