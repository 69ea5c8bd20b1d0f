"""The reserve of a disk: when something would go into it."""

import errno
import os
import shutil

import pytest

from appliance.daemon.space import Reserve

PLENTY = 2**60


def free(folder):
    return shutil.disk_usage(folder).free


def test_what_fits_is_taken_and_what_goes_into_the_reserve_is_not(tmp_path):
    half = free(tmp_path) // 2
    reserve = Reserve(tmp_path, half)
    assert not reserve.refuses()
    assert not reserve.refuses(half // 2)
    assert reserve.refuses(half * 2)


def test_a_disk_that_is_down_to_its_reserve_takes_nothing(tmp_path):
    assert Reserve(tmp_path, PLENTY).refuses()


def test_no_reserve_refuses_nothing(tmp_path):
    assert not Reserve(tmp_path, 0).refuses(PLENTY)


def test_a_disk_without_an_answer_refuses_nothing(tmp_path):
    assert not Reserve(tmp_path / "missing", PLENTY).refuses()


def test_another_reserve_counts_at_once(tmp_path):
    reserve = Reserve(tmp_path, PLENTY)
    assert reserve.refuses()
    reserve.least = 0
    assert not reserve.refuses()


def test_a_disk_that_others_fill_is_noticed_at_once(tmp_path, monkeypatch):
    found = os.statvfs(tmp_path)
    reserve = Reserve(tmp_path, 1_000_000)
    reserve.claim(1)
    monkeypatch.setattr(os, "statvfs", lambda _folder: os.statvfs_result((*found[:3], 1, 1, *found[5:10])))
    assert reserve.refuses()


def test_what_is_refused_looks_like_a_full_disk(tmp_path):
    left = free(tmp_path)
    reserve = Reserve(tmp_path, left // 2)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as refused:
        reserve.claim(left)
    assert refused.value.errno == errno.ENOSPC
    reserve.claim(left // 4)


def test_a_disk_that_can_hardly_hold_one_more_file_takes_nothing(tmp_path, monkeypatch):
    found = os.statvfs(tmp_path)

    def with_files(most, left):
        fields = list(found)
        fields[5:8] = most, left, left
        monkeypatch.setattr(os, "statvfs", lambda _folder: os.statvfs_result((*fields, 0)))

    with_files(1_000_000, 9_999)
    assert Reserve(tmp_path, 1).refuses()
    with_files(1_000_000, 10_000)
    assert not Reserve(tmp_path, 1).refuses()
    with_files(0, 0)
    assert not Reserve(tmp_path, 1).refuses()
