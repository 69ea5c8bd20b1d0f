"""What is linked ahead for the next commit: taken by it, and never in its way."""

import shutil

from appliance.backup_server.commit import recover
from tests.integration.demo.waiting import eventually


def test_the_next_commit_takes_what_was_linked_ahead(school, home):
    first = school.copy()
    (ready,) = eventually(school.linked_ahead)
    assert ready.name == f"ready-{first}"
    linked = (ready / "homes" / home.name).stat().st_ino
    (home / "brief.odt").write_text("another letter")
    (home / "new").mkdir()
    (home / "new" / "file").write_text("new")
    second = school.copy()
    assert (school.place.snapshots / second / "homes" / home.name).stat().st_ino == linked
    assert school.check() == [first, second]


def test_what_is_gone_since_is_not_in_the_next_snapshot(school, home):
    (school.data / "homes" / "erika.lehmann").mkdir()
    first = school.copy()
    eventually(school.linked_ahead)
    shutil.rmtree(home)
    second = school.copy()
    assert [one.name for one in (school.place.snapshots / second / "homes").iterdir()] == ["erika.lehmann"]
    assert school.check() == [first, second]


def test_what_belongs_to_another_snapshot_is_given_up(school, home):
    school.copy()
    (ready,) = eventually(school.linked_ahead)
    ready.rename(ready.with_name("ready-2001-01-01T000000"))
    with school.at_rest():
        recover(school.place)
    assert school.linked_ahead() == []
    school.copy()
    assert len(school.check()) == 2
