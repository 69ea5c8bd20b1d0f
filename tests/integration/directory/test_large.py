"""A large school: 5,000 accounts in 250 groups."""

import subprocess
import time
from collections.abc import Iterator

from appliance.directory.slapd.embedded import embedded
from tests.integration.directory.conftest import opened
from tests.integration.support_slapd import ROOT, start_slapd, write_settings

ACCOUNTS, GROUPS = 5000, 250


def entries(base: str) -> Iterator[str]:
    """As LDIF: what create_account, create_group and add_members write."""
    for number in range(ACCOUNTS):
        login = f"kind{number}.nachname{number % 700}"
        yield f"""\
dn: uid={login},ou=people,{base}
objectClass: inetOrgPerson
objectClass: posixAccount
uid: {login}
uidNumber: {20000 + number}
gidNumber: {20000 + number}
givenName: Kind{number}
sn: Nachname{number % 700}
cn: Kind{number} Nachname{number % 700}
displayName: Kind{number} Nachname{number % 700}
mail: {login}@schule.example
employeeType: pupil
homeDirectory: /srv/schoolserver/homes/{login}
"""
    for number in range(GROUPS):
        members = "".join(
            f"member: uid=kind{one}.nachname{one % 700},ou=people,{base}\n"
            for one in range(ACCOUNTS)
            if number in (one % GROUPS, (one * 7 + 1) % GROUPS)
        )
        kind = "class" if number % 2 else "course"
        yield f"""\
dn: cn=gruppe{number},ou={kind},ou=groups,{base}
objectClass: schoolGroup
cn: gruppe{number}
gidNumber: {30000 + number}
description: Gruppe {number}
{members}"""


def test_a_full_read_of_5000_accounts(short, record_property):
    settings = write_settings(short)
    prepare = ["-m", "appliance.directory.slapd", "--settings", str(settings.folder), "--prepare-only"]
    program = ["/usr/bin/python3", *prepare]
    subprocess.run(program, cwd=ROOT, check=True)
    server = embedded(settings)
    ldif = "\n".join(entries(server.tree.base))
    subprocess.run(["/usr/sbin/slapadd", "-q", "-f", server.config], input=ldif, text=True, check=True)
    with start_slapd(short, settings) as slapd:
        school = opened(slapd)
        start = time.perf_counter()
        state = school.supervisor.read()
        seconds = time.perf_counter() - start
        record_property("full read, seconds", round(seconds, 2))
        print(f"full read of {ACCOUNTS} accounts: {seconds:.2f} s")
        assert len(state.accounts) == ACCOUNTS
        assert len(state.groups) == GROUPS
        assert all(account.groups for account in state.accounts)
        assert state.foreign == 0
        assert not school.supervisor.changed(state.cookie)
        start = time.perf_counter()
        for _ in range(100):
            school.supervisor.changed(state.cookie)
        print(f"changed: {(time.perf_counter() - start) * 10:.2f} ms")
        school.close()
