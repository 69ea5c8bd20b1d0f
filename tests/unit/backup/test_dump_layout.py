"""The dump's table of system users: whose a number was on the machine that is gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from appliance.backup.dump_layout import Users, here
from appliance.backup.problem import BackupError

_NAMES = some.sampled_from(["schoolserver-mail", "schoolserver-auth", "schoolserver", "schoolserver-admin"])
_TABLES = some.dictionaries(_NAMES, some.integers(1, 2**32 - 1))


def test_our_own_users_and_groups_are_in_it_and_no_others():
    passwd = "root:x:0:0:root:/root:/bin/bash\nschoolserver-mail:x:995:994::/:/bin/sh\nfred:x:20000:100::/:/bin/sh\n"
    group = "schoolserver:x:990:schoolserver-mail\nschoolserver-mail:x:994:\nschool:x:7:\nschoolserver-odd:x\n"
    assert here(passwd, group) == Users({"schoolserver-mail": 995}, {"schoolserver": 990, "schoolserver-mail": 994})


@given(_TABLES, _TABLES)
def test_what_is_written_is_read(users, groups):
    assert Users.decode(Users(users, groups).encode()) == Users(users, groups)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"users": {}}',
        b'{"users": [], "groups": {}}',
        b'{"users": {"root": 5}, "groups": {}}',
        b'{"users": {"schoolserver-mail": 0}, "groups": {}}',
        b'{"users": {"schoolserver-mail": "5"}, "groups": {}}',
        b'{"users": {"schoolserver-mail": true}, "groups": {}}',
        b"\xff",
    ],
)
def test_what_is_no_table_is_refused(data):
    with pytest.raises(BackupError, match="table of users"):
        Users.decode(data)
