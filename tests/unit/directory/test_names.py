import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.dn import parse_dn

from appliance.directory.names import base_of, child, equals, escaped


def test_the_base_of_a_domain():
    assert base_of("Schule.Example") == "dc=schule,dc=example"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("fred.mustermann", "fred.mustermann"),
        ("Müller", "Müller"),
        ('James "Jim" Smith, III', 'James \\"Jim\\" Smith\\, III'),  # RFC 4514, 4
        ("Before\rAfter", "Before\\0dAfter"),
        ("a+b;c<d>e=f\\g#h", "a\\+b\\;c\\<d\\>e\\=f\\\\g\\#h"),
        (" edge ", "\\ edge\\ "),
        ("in between", "in between"),
        (" ", "\\ "),
        ("\0", "\\00"),
        ("", ""),
    ],
)
def test_values_in_names(value, written):
    assert escaped(value) == written


@given(st.text(min_size=1, max_size=12))
def test_a_value_stays_one_part_of_a_name(value):
    parts = parse_dn(child("uid", value, "ou=people,dc=x"))
    assert [attribute for attribute, _, _ in parts] == ["uid", "ou", "dc"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Parens R Us (for all)", "(cn=Parens R Us \\28for all\\29)"),  # RFC 4515, 4
        ("*", "(cn=\\2a)"),
        ("C:\\MyFile", "(cn=C:\\5cMyFile)"),
        ("\0", "(cn=\\00)"),
        ("Lučić", "(cn=Lučić)"),
    ],
)
def test_values_in_filters(value, written):
    assert equals("cn", value) == written
