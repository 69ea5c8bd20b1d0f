"""Access lists as text: what must never stand in them, whatever else changes."""

import re

from appliance.directory.domain import rights

SUPERVISOR, AUTH, PCS = "S-1-5-21-1-2-3-1103", "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-515"
RESET = "00299570-246d-11d0-a768-00aa006e0529"
ENTRY = re.compile(r"\(([^;]*);([^;]*);([^;]*);([^;]*);([^;]*);([^;]*)\)")


def entries(texts):
    found = [ENTRY.fullmatch(text) for text in texts]
    assert all(found)
    return [one.groups() for one in found]


def split(descriptor):
    assert descriptor.startswith("D:")
    return entries(re.findall(r"\([^)]*\)", descriptor))


def test_only_auth_may_reset_a_password():
    all_of_them = entries(
        (
            *rights.people_rights(SUPERVISOR, AUTH, PCS),
            *rights.groups_rights(SUPERVISOR, PCS),
            *rights.domain_rights(SUPERVISOR, AUTH),
            *rights.deleted_rights(SUPERVISOR),
        )
    )
    assert [one[5] for one in all_of_them if one[3] == RESET] == [AUTH]
    for kind, _, granted, what, _, who in all_of_them:
        assert who in (SUPERVISOR, AUTH, PCS)
        pairs = {granted[place : place + 2] for place in range(0, len(granted), 2)}
        assert not pairs & {"WD", "WO", "GA", "GW"}
        assert "WP" not in pairs or what, "nobody writes every attribute"
        assert "CR" not in pairs or what == RESET
        assert kind in ("A", "OA")


def test_of_a_new_entry_others_read_single_attributes_only():
    for descriptor in (rights.user_default(), rights.group_default()):
        for _, _, granted, what, _, who in split(descriptor):
            if who == "AU":
                assert (granted, bool(what)) in (("RP", True), ("RC", False))
            if who == "PS":
                assert "WP" not in granted
