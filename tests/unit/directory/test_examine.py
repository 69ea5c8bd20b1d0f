import pytest

from appliance.directory.active_directory import refusal
from appliance.directory.dialect import Answer
from appliance.directory.examine_contents import known_names, near
from appliance.directory.examine_rights import NAME, WEAK
from appliance.policy.passwords import problems

SAMBA = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {}, v1db1"


def test_names_in_a_schema():
    found = known_names(
        [
            b"( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'x NAME 'y' SUP name )",
            b"( 1.2.840.113556.1.4.908 NAME 'extendedClassInfo' SYNTAX '1.3.6.1.4.1.1466.115.121.1.15' )",
            b"( 1.2.3 SUP top )",
        ]
    )
    assert found == {"sn": "sn", "surname": "surname", "extendedclassinfo": "extendedClassInfo"}
    assert near("extendedClasInfo", found) == "; did you mean extendedClassInfo?"
    assert near("completely different", found) == ""


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (49, SAMBA.format("52e"), "wrong password, or no such account"),
        (49, SAMBA.format("533"), "the account is disabled"),
        (49, SAMBA.format("775"), "the account is locked for wrong passwords"),
        (49, SAMBA.format("999"), "data 999"),
        (49, "", "wrong password, or no such account"),
        (8, "BindSimple: Transport encryption required.", "it wants an encrypted connection: ldaps://"),
        (53, "", "LDAP result 53"),
    ],
)
def test_why_a_bind_was_refused(code, message, words):
    assert refusal(Answer(code, message, {})) == words


def test_each_weak_password_breaks_one_rule_of_ours():
    broken = [problems(password, NAME) for password in WEAK.values()]
    assert all(len(found) == 1 for found in broken), broken
    assert len(set(broken)) == len(broken)
