from datetime import UTC, datetime
from uuid import UUID

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.dialect import Answer
from appliance.directory.openldap import PASSWORD_POLICY, OpenLdap, generalized_time, policy_error
from appliance.directory.records import Checked
from appliance.directory.schema import Field

IDENT = "fb36cdf6-79a3-1041-93fa-7b858dffda2e"


@pytest.mark.parametrize(
    ("control", "error"),
    [
        (b"", None),
        (b"\x30\x00", None),
        (b"\x30\x03\x81\x01\x02", 2),  # as slapd 2.5 answers a bind to an account with pwdReset
        (b"\x30\x03\x81\x01\x01", 1),
        (b"\x30\x08\xa0\x03\x80\x01\x05\x81\x01\x02", 2),  # a warning before it
        (b"\x30\x05\xa0\x03\x80\x01\x05", None),
    ],
)
def test_the_response_control(control, error):
    assert policy_error(control) == error


@pytest.mark.parametrize("control", [b"\x30", b"\x31\x00", b"\x30\x05\x81\x01", b"\x30\x03\x81\x05\x02", b"\x30\x80"])
def test_a_broken_response_control(control):
    with pytest.raises(ValueError, match="control"):
        policy_error(control)


@pytest.mark.parametrize(
    ("code", "control", "checked"),
    [
        (0, b"\x30\x00", Checked.GOOD),
        (0, b"", Checked.GOOD),
        (0, b"\x30\x03\x81\x01\x02", Checked.MUST_CHANGE),
        (49, b"\x30\x03\x81\x01\x02", Checked.WRONG),
        (49, b"", Checked.WRONG),
        (51, b"", None),
        (80, b"", None),
    ],
)
def test_what_a_bind_means(code, control, checked):
    assert OpenLdap().checked(Answer(code, "", {PASSWORD_POLICY: control})) is checked


def test_how_an_account_stands():
    fresh = OpenLdap().standing({"entryUUID": [IDENT.encode()]})
    assert (fresh.uuid, fresh.disabled, fresh.must_change, fresh.password_changed_at) == (
        UUID(IDENT),
        False,
        False,
        None,
    )
    other = OpenLdap().standing(
        {
            "entryUUID": [IDENT.encode()],
            "pwdReset": [b"TRUE"],
            "pwdEndTime": [b"19700101000000Z"],
            "pwdChangedTime": [b"20261121030003Z"],
        }
    )
    assert (other.disabled, other.must_change) == (True, True)
    assert other.password_changed_at == datetime(2026, 11, 21, 3, 0, 3, tzinfo=UTC)
    with pytest.raises(ValueError, match="entryUUID"):
        OpenLdap().standing({})


def test_a_fraction_of_a_second_is_cut():
    assert generalized_time(b"20261121030003.356557Z") == datetime(2026, 11, 21, 3, 0, 3, tzinfo=UTC)


def test_a_password_is_written_with_its_flag_or_by_its_own_operation():
    assert OpenLdap().write_password(Secret("{SSHA}x"), must_change=False) is None
    assert OpenLdap().write_password(Secret("ä"), must_change=True) == {
        "userPassword": ("replace", ("ä".encode(),)),
        "pwdReset": ("replace", (b"TRUE",)),
    }
    with pytest.raises(ValueError, match="brace"):
        OpenLdap().write_password(Secret("{SSHA}x"), must_change=True)


def test_disabling():
    assert OpenLdap().switch(Field.DISABLED, True, {}) == {"pwdEndTime": ("replace", (b"19700101000000Z",))}
    assert OpenLdap().switch(Field.DISABLED, False, {}) == {"pwdEndTime": ("replace", ())}
    assert OpenLdap().switch(Field.LOG_ON, False, {}) == {}
