"""Numbers of the lost machine become those of the same users here."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from appliance.backup.dump_layout import Users
from appliance.backup.problem import BackupError
from appliance.backup_server.manifest import Entry
from appliance.recovery.owners import Owners

THERE = Users({"schoolserver-mail": 995, "schoolserver-auth": 994}, {"schoolserver": 900, "schoolserver-mail": 995})
HERE = Users({"schoolserver-mail": 994, "schoolserver-auth": 990}, {"schoolserver": 901, "schoolserver-mail": 989})
OWNERS = Owners.of(THERE, HERE)


def test_our_own_users_are_found_by_name():
    assert [OWNERS.uid(one) for one in (995, 994)] == [994, 990]
    assert [OWNERS.gid(one) for one in (900, 995)] == [901, 989]


def test_other_system_users_of_that_machine_are_root_here():
    assert [OWNERS.uid(one) for one in (0, 1, 500, 999)] == [0, 0, 0, 0]


@given(some.integers(1000, 2**32 - 1))
def test_accounts_of_the_school_keep_their_numbers(number):
    assert (OWNERS.uid(number), OWNERS.gid(number)) == (number, number)


def test_rsync_is_told_the_same():
    assert OWNERS.words() == ("--usermap=994:990,995:994,1-999:0", "--groupmap=900:901,995:989,1-999:0")


def test_an_entry_is_as_it_must_be_here():
    entry = Entry("f", 0o600, 995, 900, 1, 2, "-", "-", b"a")
    assert OWNERS.entry(entry) == Entry("f", 0o600, 994, 901, 1, 2, "-", "-", b"a")


def test_a_user_that_no_package_made_here_is_told():
    with pytest.raises(BackupError, match="this machine has no schoolserver-proxy; install"):
        Owners.of(Users({"schoolserver-proxy": 3}, {}), HERE)
