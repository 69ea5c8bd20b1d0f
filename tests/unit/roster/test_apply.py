"""apply() against a directory and a register that can be cut at any step; the same import once more mends it."""

from datetime import date

import pytest

from appliance.directory.errors import AlreadyExists
from appliance.policy.account import Consent, GroupKind, Role
from appliance.roster.apply import apply
from appliance.roster.parse import read
from appliance.roster.plan import plan
from appliance.roster.record import Known
from appliance.settings.accounts import Profile

FILE = (
    "Import-ID;Vorname;Nachname;Rolle;Klasse;Geburtsdatum;Einwilligungen\n"
    "1;Fred;Mustermann;;3a;04.05.2016;konto,protokoll\n"
    "2;Fred;Mustermann;;3b;;konto\n"
    "3;Erika;Lehmann;Lehrerin;3a,3b;;konto,protokoll\n"
    "4;Ida;Kurz;;3a;;\n"
)


class Cut(Exception):
    """The power went."""


class School:
    """Register and directory in memory, with the promises that the real ones keep."""

    def __init__(self) -> None:
        self.numbers = 20000
        self.people: dict[int, tuple[str, str | None, date | None]] = {}
        self.consents: set[tuple[int, Consent, str]] = set()
        self.accounts: dict[str, dict[str, object]] = {}
        self.groups: dict[str, tuple[GroupKind, set[str]]] = {}
        self.issued: list[str] = []
        self.left: int | None = None

    def _step(self) -> None:
        if self.left is not None:
            if not self.left:
                raise Cut
            self.left -= 1

    def next_uid(self) -> int:
        self._step()
        self.numbers += 1
        return self.numbers

    next_gid = next_uid

    def remember(self, uid: int, login: str, source_id: str | None, birth_date: date | None) -> None:
        self._step()
        self.people[uid] = (login, source_id, birth_date)

    def consent(self, uid: int, consent: Consent, version: str) -> None:
        self._step()
        self.consents.add((uid, consent, version))

    def create_account(self, *, login: str, uid: int, **data: object) -> None:
        self._step()
        if login in self.accounts:
            raise AlreadyExists(login)
        self.accounts[login] = {"uid": uid, "disabled": False, **data}

    def update_account(self, login: str, **data: object) -> None:
        self._step()
        self.accounts[login].update(data)

    def set_disabled(self, login: str, disabled: bool) -> None:
        self._step()
        self.accounts[login]["disabled"] = disabled

    def create_group(self, *, name: str, kind: GroupKind, gid: int, title: str = "") -> None:
        self._step()
        if name in self.groups:
            raise AlreadyExists(name)
        self.groups[name] = (kind, set())

    def add_members(self, group: str, logins: list[str]) -> None:
        self._step()
        self.groups[group][1].update(logins)

    def remove_members(self, group: str, logins: list[str]) -> None:
        self._step()
        self.groups[group][1].difference_update(logins)

    def known(self) -> list[Known]:
        found = []
        for uid, (login, source_id, born) in self.people.items():
            account = self.accounts.get(login)
            given = frozenset(consent for owner, consent, _version in self.consents if owner == uid)
            groups = tuple(sorted(name for name, (_kind, members) in self.groups.items() if login in members))
            if account is None:
                found.append(Known(login, uid, source_id, "", "", born, Role.PUPIL, pending=True))
            else:
                name, surname = str(account["given_name"]), str(account["surname"])
                role, disabled = Role(str(account["role"])), bool(account["disabled"])
                once = login in self.issued
                found.append(
                    Known(login, uid, source_id, name, surname, born, role, groups, given, disabled, has_password=once)
                )
        return found

    def run(self, text: str, given: frozenset[Consent] = frozenset(), allow_gone: bool = True) -> list[str]:
        before = len(self.issued)
        roster = read(text.encode(), "roster.csv", Profile(None, {}))
        kinds = {name: kind for name, (kind, _members) in self.groups.items()}
        found = plan(
            roster, self.known(), filename="roster.csv", given=given, taken=(), groups=kinds, gone_share=0.1,
            allow_gone=allow_gone,
        )  # fmt: skip
        assert not found.problems

        def issue(logins: list[str]) -> str:
            self._step()
            self.issued.extend(logins)
            return "sealed"

        apply(
            found, register=self, writer=self, existing=self.groups, given=given, issue=issue,
            progress=lambda done, total, text: None, version="2026-08",
        )  # fmt: skip
        return self.issued[before:]

    def picture(self) -> object:
        members = {name: sorted(members) for name, (_kind, members) in self.groups.items()}
        accounts = {login: {**data, "uid": 0} for login, data in self.accounts.items()}
        logins = {uid: person[0] for uid, person in self.people.items()}
        consents = sorted((logins[uid], consent) for uid, consent, _version in self.consents)
        return members, accounts, sorted(self.issued), consents


def test_an_import_makes_accounts_groups_and_consents() -> None:
    school = School()
    assert school.run(FILE) == ["fred.mustermann", "fred.mustermann2", "erika.lehmann"]
    assert school.groups["klasse3a"][1] == {"fred.mustermann", "erika.lehmann"}
    assert school.groups["kollegium"] == (GroupKind.STAFF, {"erika.lehmann"})
    assert "ida.kurz" not in school.accounts
    assert school.run(FILE) == []


def test_cut_at_any_step_the_same_import_once_more_gives_the_same_school() -> None:
    whole = School()
    whole.run(FILE)
    for steps in range(60):
        school = School()
        school.left = steps
        try:
            school.run(FILE)
            break
        except Cut:
            school.left = None
            school.run(FILE)
            assert school.picture() == whole.picture(), f"cut after {steps} steps"
    else:
        pytest.fail("the import never came to its end")


def test_a_name_a_class_and_a_consent_that_change() -> None:
    school = School()
    school.run(FILE)
    changed = FILE.replace(
        "1;Fred;Mustermann;;3a;04.05.2016;konto,protokoll", "1;Fred;Muster;;4a;04.05.2016;konto,video"
    )
    school.run(changed)
    assert school.accounts["fred.mustermann"]["display_name"] == "Fred Muster"
    assert "fred.mustermann" in school.groups["klasse4a"][1] - school.groups["klasse3a"][1]
    uid = next(uid for uid, person in school.people.items() if person[0] == "fred.mustermann")
    given = {consent for owner, consent, _version in school.consents if owner == uid}
    assert given == {Consent.ACCOUNT, Consent.LOGS, Consent.VIDEO}, "a file never takes a consent away"


def test_who_goes_is_disabled_and_who_comes_back_is_enabled() -> None:
    school = School()
    school.run(FILE)
    without = FILE.replace("2;Fred;Mustermann;;3b;;konto\n", "")
    school.run(without)
    assert school.accounts["fred.mustermann2"]["disabled"]
    assert school.run(FILE) == []
    assert not school.accounts["fred.mustermann2"]["disabled"]


def test_consents_vouched_for_hold_for_rows_that_do_not_speak_of_them() -> None:
    school = School()
    text = "Import-ID;Vorname;Nachname;Klasse\n1;Fred;Mustermann;3a\n"
    assert school.run(text) == []
    assert school.run(text, frozenset({Consent.ACCOUNT})) == ["fred.mustermann"]
