"""What `check --directory` finds by comparing: numbers that two have (K05), addresses of mail that somebody has.

Directories of former times may hold the former; mail.yaml is not asked about the latter when it is read.
"""

import contextlib
from dataclasses import replace

from appliance.directory.client import connect
from appliance.directory.examine import examine
from appliance.policy.account import GroupKind, Role
from appliance.settings.load import load


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


def test_the_check_names_addresses_of_mail_that_a_group_has_or_that_reach_nobody(fragile, tmp_path):
    (tmp_path / "mail.yaml").write_text(
        "rules:\n  addresses:\n    schach: {users: [drei.zwei]}\n    rat: {roles: [office]}\n"
    )
    written, settings = load(tmp_path), fragile.server.settings
    settings = replace(settings, mail=written.mail, sources={**settings.sources, **written.sources})
    with contextlib.closing(connect(settings, "supervisor")) as supervisor:
        supervisor.create_account(login="drei.zwei", uid=31001, given_name="Drei", surname="Zwei", role=Role.PUPIL)
        supervisor.create_group(name="schach", kind=GroupKind.CLUB, gid=31002)
        group, nobody = examine(settings)
        supervisor.remove_group("schach")
    assert group.text.startswith("mail.yaml:3 rules.addresses.schach takes the mail of the group")
    assert nobody.text == "mail.yaml:4 rules.addresses.rat reaches nobody who takes mail"
    assert not group.grave and not nobody.grave
