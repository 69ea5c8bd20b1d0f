"""Instants of an account and its locks are aware and compare by the time that passes, not by the clock on the wall."""

from datetime import UTC, datetime

import pytest

from appliance.policy.account import Lock, Service

from .strategies import account, berlin


@pytest.mark.parametrize(
    "times", [(datetime(2026, 1, 1), None), (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1))]
)
def test_a_lock_refuses_instants_without_a_zone(times):
    with pytest.raises(ValueError, match="without a time zone"):
        Lock(None, *times)


def test_an_account_refuses_an_instant_without_a_zone():
    with pytest.raises(ValueError, match="without a time zone"):
        account(password_changed_at=datetime(2026, 1, 1))


def test_instants_are_kept_in_utc():
    second = berlin("2026-10-25 02:30", fold=1)
    assert Lock(None, second, second).until == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert account(password_changed_at=second).password_changed_at.tzinfo is UTC


def test_of_the_hour_that_exists_twice_the_second_one_is_later():
    first = account(password_changed_at=berlin("2026-10-25 02:30"))
    second = account(password_changed_at=berlin("2026-10-25 02:15", fold=1))
    assert second.password_changed_at > first.password_changed_at


def test_everything_but_log_on_moves_files():
    assert [service for service in Service if not service.transfers] == [Service.PC]
