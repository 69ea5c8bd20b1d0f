"""Accounts that were deleted for good since a snapshot are deleted again, unless it is suspiciously many."""

from dataclasses import replace
from datetime import date

import pytest

from appliance.backup.deletions import Deletions
from appliance.daemon.request_client import Unreachable
from appliance.policy.account import Account, Role
from appliance.policy.snapshot import Snapshot, Version
from appliance.supervisor.deleting_again import DeletingAgain
from tests.unit.supervisor.scenery import settings

DAY = date(2026, 3, 1)


class Scene:
    """A directory and a disk as lists of who is there."""

    def __init__(self, state, count):
        (state / "supervisor").mkdir()
        (state / "backup").mkdir()
        self.deletions = Deletions(state)
        self.accounts = {f"pupil{number}": 20000 + number for number in range(count)}
        self.homes = dict(self.accounts)
        self.away, self.settings = False, settings()
        self.again = DeletingAgain(self.deletions, self.snapshot, lambda: self.settings, self.remove, self)

    def snapshot(self):
        accounts = [Account(login, uid, Role.PUPIL) for login, uid in self.accounts.items()]
        return None if self.away else school(accounts)

    def remove(self, login, uid):
        assert self.accounts.pop(login) == uid

    def home_remove(self, login, uid):
        if self.away:
            raise Unreachable("away")
        assert self.homes.pop(login, uid) == uid
        return True

    def deleted(self, *logins):
        for login in logins:
            self.deletions.note(login, self.accounts[login], DAY)
        self.deletions.order(self.deletions.listed(), DAY, None)


def school(accounts):
    return Snapshot(
        version=Version(1, 1),
        audience="supervisor",
        domain="schule.example",
        zone=settings().school.zone,
        accounts={account.login: account for account in accounts},
        groups={},
        rules=(),
        consents_required={},
    )


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path, 60)


def test_there_is_nothing_to_do_on_other_days(scene):
    assert scene.again.work() is None
    assert scene.again.check() is None
    assert scene.deletions.gone("a", 1)


def test_deleted_again_with_home_and_only_these(scene):
    scene.deleted("pupil3", "pupil7")
    assert scene.again.work() is None
    assert not {"pupil3", "pupil7"} & (scene.accounts.keys() | scene.homes.keys())
    assert len(scene.accounts) == len(scene.homes) == 58
    assert scene.deletions.ordered(scene.accounts) is None


def test_it_waits_for_the_directory(scene):
    scene.deleted("pupil3")
    scene.away = True
    assert scene.again.work() > 0
    scene.away = False
    assert scene.again.work() is None
    assert "pupil3" not in scene.accounts


def test_suspiciously_many_wait_for_the_carer(scene):
    scene.deleted(*(f"pupil{number}" for number in range(50)))
    assert scene.again.work() > 0
    assert len(scene.accounts) == 60
    row = scene.again.check()
    assert not row["ok"]
    assert "50 of 60" in row["text"]
    assert "pupil" not in row["text"]
    assert scene.again.delete(scene.snapshot(), however_many=True)
    assert len(scene.accounts) == 10
    assert scene.again.check() is None


def test_somebody_elses_directory_was_not_brought_back(scene):
    scene.settings = replace(settings(), directory=replace(settings().directory, kind="ldap"))
    scene.deleted("pupil3")
    assert scene.again.work() is None
    assert "pupil3" in scene.accounts


def test_what_fails_is_told_and_done_again(scene):
    scene.deleted("pupil3")
    snapshot = scene.snapshot()
    scene.away = True
    assert not scene.again.delete(snapshot)
    assert "not deleted again yet" in scene.again.check()["text"]
    assert "pupil3" in scene.accounts
    scene.away = False
    assert scene.again.work() is None
    assert "pupil3" not in scene.homes
