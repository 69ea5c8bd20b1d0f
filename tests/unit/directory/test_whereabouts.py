from dataclasses import replace

import pytest

from appliance.directory.active_directory import ActiveDirectory
from appliance.directory.openldap import OpenLdap
from appliance.directory.schema import Field
from appliance.directory.whereabouts import domain_of_name, whereabouts
from appliance.settings.load import load


@pytest.fixture
def said(tmp_path):
    def say(directory="", **files):
        texts = {"school": "domain: schule.example\n", "directory": directory, **files}
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return load(tmp_path)

    return say


def test_our_own_slapd(said):
    where = whereabouts(said(), "auth")
    assert where.uri == "ldapi://%2Frun%2Fschoolserver%2Fdirectory%2Fldapi.sock"
    assert (where.computed, where.bind_name) == (True, "cn=auth,ou=services,dc=schule,dc=example")
    assert isinstance(where.dialect, OpenLdap)
    assert where.dialect.keeps_unique


def test_our_own_domain(said, tmp_path):
    where = whereabouts(said("kind: domain\n", domain="name: ad.schule.example\n"), "supervisor")
    assert (where.uri, where.trust.ca) == ("ldaps://127.0.0.1", tmp_path / "ca.pem")
    assert (where.computed, where.realm) == (True, "ad.schule.example")
    assert where.tree.people == "ou=people,dc=ad,dc=schule,dc=example"
    assert where.bind_name == "cn=supervisor,ou=services,dc=ad,dc=schule,dc=example"
    assert isinstance(where.dialect, ActiveDirectory)
    assert whereabouts(said("kind: domain\nuri: ldaps://[::1]:6360\n"), "auth").uri == "ldaps://[::1]:6360"


def test_somebody_elses(said, tmp_path):
    settings = said(
        "kind: active-directory\nuri: ldaps://dc.town.example\nbase: ou=schule,dc=town,dc=example\n"
        "people: ou=Benutzer,ou=schule,dc=town,dc=example\nbind_name: school@town.example\n"
        "bind_name_auth: cn=school-auth,dc=town,dc=example\nca: system\n"
        "attributes: {login: sAMAccountName}\ngroup_classes: [group, posixGroup]\n"
    )
    where = whereabouts(settings, "supervisor")
    assert (where.uri, where.trust.ca) == ("ldaps://dc.town.example", None)
    assert (where.computed, where.realm) == (False, "town.example")
    assert where.tree.people == "ou=Benutzer,ou=schule,dc=town,dc=example"
    assert where.tree.groups == "ou=groups,ou=schule,dc=town,dc=example"
    assert where.bind_name == "school@town.example"
    assert whereabouts(settings, "auth").bind_name == "cn=school-auth,dc=town,dc=example"
    assert where.dialect.schema[Field.LOGIN] == "sAMAccountName"
    assert where.dialect.schema.group_classes == ("group", "posixGroup")
    other = replace(settings, directory=replace(settings.directory, kind="ldap", ca=str(tmp_path / "town.pem")))
    where = whereabouts(other, "auth")
    assert isinstance(where.dialect, OpenLdap)
    assert not where.dialect.keeps_unique
    assert where.trust.ca == tmp_path / "town.pem"


@pytest.mark.parametrize(
    ("name", "domain"),
    [("dc=town,dc=example", "town.example"), ("OU=x, DC=Town ,dc=example", "town.example"), ("o=town,c=de", "")],
)
def test_the_domain_of_a_name(name, domain):
    assert domain_of_name(name) == domain
