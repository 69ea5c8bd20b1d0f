"""Who is behind groups and role addresses is worked out once for a snapshot."""

from collections import Counter
from dataclasses import replace

from appliance.policy import mailboxes, members
from appliance.policy.access import Who
from appliance.policy.account import Group, GroupKind, Role, Service
from appliance.policy.mailing import MailRules
from appliance.policy.members import covered, in_group
from appliance.policy.reach import Reached, from_device, from_person
from appliance.policy.snapshot import same_meaning

from .strategies import account, rule, school

CLUBS = tuple(f"club{number}" for number in range(20))
SCHOOL = school(
    accounts=(
        *(account(f"child{number}", groups=CLUBS) for number in range(30)),
        account("tina", role=Role.TEACHER, groups=("club1", "club1", "gone")),
        account("olga", role=Role.OFFICE, groups=()),
        account("ada", role=Role.ADMIN, groups=(), disabled=True),
        account("probe", role=Role.STAFF, groups=CLUBS, hidden=True),
    ),
    groups={name: Group(name, GroupKind.CLUB, number) for number, name in enumerate((*CLUBS, "leer"), 1)},
    mail=MailRules(addresses={"sekretariat": Who(roles=frozenset({Role.OFFICE}))}),
)


def test_who_they_are() -> None:
    children = tuple(sorted(f"child{number}" for number in range(30)))
    assert in_group(SCHOOL, "club0") == children
    assert in_group(SCHOOL, "club1") == (*children, "tina")
    assert in_group(SCHOOL, "leer") == ()
    assert covered(SCHOOL, Who(roles=frozenset({Role.OFFICE, Role.ADMIN, Role.STAFF}))) == ("olga",)
    assert covered(SCHOOL, Who()) == ()
    assert covered(SCHOOL, Who(everyone=True)) == (*children, "olga", "tina")


def test_however_many_recipients_are_named_each_account_is_looked_at_once(monkeypatch) -> None:
    looks: Counter[str] = Counter()

    def takes_mail(snapshot, one):
        looks[one.login] += 1
        return mailboxes.takes_mail(snapshot, one)

    monkeypatch.setattr(members, "takes_mail", takes_mail)
    snapshot = replace(SCHOOL)
    for name in (*CLUBS, "sekretariat", "postmaster") * 50:
        from_device(snapshot, f"{name}@{snapshot.domain}")
        from_person(snapshot, "child1", f"{name}@{snapshot.domain}")
    assert set(looks.values()) == {1} and len(looks) == len(snapshot.accounts) - 1, "not the hidden one"


def test_a_group_means_the_same_object_each_time() -> None:
    found = [from_device(SCHOOL, address) for address in ("club3@schule.example", "CLUB3@Schule.Example.")]
    assert all(isinstance(each, Reached) for each in found)
    assert found[0].logins is found[1].logins


def test_what_was_found_holds_for_that_snapshot_alone_and_is_no_part_of_it() -> None:
    before = replace(SCHOOL)
    assert "child1" in in_group(before, "club0") and before.found
    without = {login: each for login, each in SCHOOL.accounts.items() if login != "child1"}
    after = replace(before, accounts=without)
    assert not after.found and "child1" not in in_group(after, "club0")
    closed = replace(before, rules=(rule(allow=False, services=frozenset({Service.MAIL})),))
    assert in_group(closed, "club0") == ()
    assert before == replace(before) and same_meaning(before, replace(before)) and "found" not in repr(before)
