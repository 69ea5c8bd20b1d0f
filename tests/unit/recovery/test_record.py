"""A recovery that was cut short knows how far it was."""

import pytest

from appliance.recovery.record import Folder, Record


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path / "recovery")
    made.make()
    return made


def test_there_is_none_at_first(folder):
    assert folder.read() is None


def test_what_was_done_is_known_again(folder):
    record = Record("schoolbackup-goethe", "2026-11-21T010203").done("dump", 1.26)
    folder.write(record)
    assert folder.read() == record
    assert folder.read().seconds == {"dump": 1.3}


def test_the_end_leaves_the_report_and_what_differs(folder):
    folder.write(Record("schoolbackup-goethe", "2026-11-21T010203"))
    folder.dump.touch()
    folder.exports.mkdir()
    (folder.exports / "directory.ldif").touch()
    folder.differences.touch()
    folder.finish()
    assert folder.read() is None
    assert sorted(path.name for path in folder.path.iterdir()) == ["differences", "report.json"]


def test_a_record_of_something_else_is_an_error(folder):
    (folder.path / "record.json").write_text('{"odd": 1}', encoding="ascii")
    with pytest.raises(OSError, match="no record of a recovery"):
        folder.read()
