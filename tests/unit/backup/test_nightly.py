"""The supervisor begins a copy at its time, once, and goes on when it cannot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.backup.standing import Record, write
from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.settings.load import load
from appliance.supervisor.nightly import Nightly

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def school(tmp_path):
    etc = tmp_path / "etc"
    etc.mkdir()
    etc.joinpath("backup.yaml").write_text("target: keeper@backup.example\n")
    etc.joinpath("server.yaml").write_text(f"state: {tmp_path}/state\n")
    tmp_path.joinpath("state", "backup").mkdir(parents=True)
    return load(etc)


def looked(school, begin, **record):
    write(school.server.state / "backup", Record(**record), None)
    return Nightly(lambda: school, begin, lambda: NOW).work()


def test_begun_when_it_is_due(school):
    begun = []
    looked(school, begun.append, set_up=NOW - timedelta(days=3), succeeded=NOW - timedelta(hours=1))
    assert begun == []
    looked(school, begun.append, set_up=NOW - timedelta(days=3))
    assert begun == [school]
    looked(school, begun.append, set_up=NOW - timedelta(days=3), tried=NOW - timedelta(minutes=5))
    assert begun == [school]


def test_not_without_a_second_place(school):
    bare = replace(school, backup=replace(school.backup, target=None))
    assert looked(bare, pytest.fail, set_up=NOW - timedelta(days=3)) > 0


@pytest.mark.parametrize("problem", [Unreachable("nobody"), RequestRefused("busy", "four already")])
def test_tried_again_when_it_cannot_be_begun(school, problem):
    def begin(_settings):
        raise problem

    assert looked(school, begin, set_up=NOW - timedelta(days=3)) <= 60


def test_a_damaged_record_stops_nothing(school):
    (school.server.state / "backup" / "record.json").write_text("{")
    assert Nightly(lambda: school, pytest.fail, lambda: NOW).work() > 0
