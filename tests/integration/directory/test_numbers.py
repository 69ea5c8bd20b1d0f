"""Numbers that two have at once, as directories of former times may hold them: the check names both (K05)."""

import contextlib

from appliance.directory.client import connect
from appliance.directory.examine import examine
from appliance.policy.account import GroupKind, Role


def test_the_check_names_who_shares_a_number(fragile):
    settings = fragile.server.settings
    with contextlib.closing(connect(settings, "supervisor")) as supervisor:
        supervisor.create_account(login="zwei.eins", uid=31000, given_name="Zwei", surname="Eins", role=Role.PUPIL)
        supervisor.create_group(name="zweierlei", kind=GroupKind.CLUB, gid=31000)
        (found,) = examine(settings)
        supervisor.remove_group("zweierlei")
    assert found.grave
    assert "number 31000: account zwei.eins and group zweierlei have it" in found.text
    assert examine(settings) == ()
