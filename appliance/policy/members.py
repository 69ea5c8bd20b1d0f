"""Who is behind a group or a role address and takes mail, worked out once for each snapshot.

May live here: these lists, and that they are kept beside the snapshot. May not: who may write to them, what an address
means (``reach``). A list is asked for with each recipient of each message, and a group may be the whole school: all
accounts are looked at once, whichever groups and roles are asked for, and however often.
"""

from __future__ import annotations

from appliance.policy.access import Who
from appliance.policy.mailboxes import takes_mail
from appliance.policy.snapshot import Snapshot

_EVERYBODY = Who(everyone=True)


def in_group(snapshot: Snapshot, name: str) -> tuple[str, ...]:
    """Give the logins of the members of the group ``name`` who take mail, sorted; the same object each time."""
    if name not in snapshot.found:
        members: dict[str, list[str]] = {group: [] for group in snapshot.groups}
        for login in covered(snapshot, _EVERYBODY):
            for group in members.keys() & snapshot.accounts[login].groups:
                members[group].append(login)
        snapshot.found.update((group, tuple(logins)) for group, logins in members.items())
    return snapshot.found[name]


def covered(snapshot: Snapshot, who: Who) -> tuple[str, ...]:
    """Give the logins of those of ``who`` that take mail, sorted, without hidden ones; the same object each time."""
    if who not in snapshot.found:
        if who == _EVERYBODY:
            accounts = (each for each in snapshot.accounts.values() if not each.hidden and takes_mail(snapshot, each))
            logins = tuple(sorted(each.login for each in accounts))
        else:
            everybody = covered(snapshot, _EVERYBODY)
            logins = tuple(login for login in everybody if who.covers(snapshot.accounts[login]))
        snapshot.found[who] = logins
    return snapshot.found[who]
