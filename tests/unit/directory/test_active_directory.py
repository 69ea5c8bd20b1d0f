from datetime import UTC, datetime
from uuid import UUID

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.active_directory import ActiveDirectory
from appliance.directory.dialect import Answer
from appliance.directory.records import Checked
from appliance.directory.schema import Field

IDENT = UUID("fb36cdf6-79a3-1041-93fa-7b858dffda2e")
SAMBA = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {}, v1db1"


@pytest.mark.parametrize(
    ("code", "message", "checked"),
    [
        (0, "", Checked.GOOD),
        (49, SAMBA.format("52e"), Checked.WRONG),
        (49, SAMBA.format("533"), Checked.WRONG),
        (49, SAMBA.format("773"), Checked.MUST_CHANGE),
        (49, SAMBA.format("530"), Checked.GOOD),
        (49, SAMBA.format("532"), Checked.MUST_CHANGE),
        (49, SAMBA.format("775"), None),
        (49, SAMBA.format("525"), Checked.WRONG),
        (49, SAMBA.format("701"), Checked.WRONG),
        (49, SAMBA.format("54f"), None),
        (49, SAMBA.format("7730"), None),
        (49, "", Checked.WRONG),
        (52, SAMBA.format("773"), None),
    ],
)
def test_what_a_bind_means(code, message, checked):
    assert ActiveDirectory().checked(Answer(code, message, {})) is checked


def test_how_an_account_stands():
    standing = ActiveDirectory().standing(
        {"objectGUID": [IDENT.bytes_le], "userAccountControl": [b"514"], "pwdLastSet": [b"116444736000000000"]}
    )
    assert (standing.uuid, standing.disabled, standing.must_change) == (IDENT, True, False)
    assert standing.password_changed_at == datetime(1970, 1, 1, tzinfo=UTC)
    standing = ActiveDirectory().standing(
        {"objectGUID": [IDENT.bytes_le], "userAccountControl": [b"512"], "pwdLastSet": [b"0"]}
    )
    assert (standing.disabled, standing.must_change, standing.password_changed_at) == (False, True, None)
    fresh = {"objectGUID": [IDENT.bytes_le], "pwdLastSet": [b"0"], "msDS-KeyVersionNumber": [b"1"]}
    assert not ActiveDirectory().standing(fresh).must_change, "nobody knows its password yet"
    assert ActiveDirectory().standing({**fresh, "msDS-KeyVersionNumber": [b"2"]}).must_change
    with pytest.raises(ValueError, match="objectGUID"):
        ActiveDirectory().standing({})


def test_writing():
    assert ActiveDirectory().write_password(Secret("ä"), must_change=True) == {
        "unicodePwd": ("replace", (b'"\x00\xe4\x00"\x00',)),
        "pwdLastSet": ("replace", (b"0",)),
    }
    assert ActiveDirectory().write_password(Secret("a"), must_change=False)["pwdLastSet"] == ("replace", (b"-1",))


def test_closing_and_opening():
    directory = ActiveDirectory()
    assert directory.switch(Field.DISABLED, True, {}) == {"userAccountControl": ("replace", (b"514",))}
    assert directory.switch(Field.DISABLED, False, {}) == {"userAccountControl": ("replace", (b"512",))}
    now = {"userAccountControl": [b"66050"]}  # its password never expires: the school's AD may want that
    assert directory.switch(Field.DISABLED, False, now) == {"userAccountControl": ("replace", (b"66048",))}
    assert directory.switch(Field.LOG_ON, False, {}) == {"logonHours": ("replace", (bytes(21),))}
    assert directory.switch(Field.LOG_ON, True, {}) == {"logonHours": ("replace", ())}


@pytest.mark.parametrize(("hours", "log_on"), [([], True), ([bytes(21)], False), ([b"\xff" * 21], True)])
def test_hours_of_log_on(hours, log_on):
    attributes = {"objectGUID": [IDENT.bytes_le], "logonHours": hours}
    assert ActiveDirectory().standing(attributes).log_on is log_on
