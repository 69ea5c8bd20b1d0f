"""Addresses in mail.yaml that do not do what they seem to are in status and in the answer of a reload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Group, GroupKind, Role, Service
from appliance.policy.snapshot import Snapshot, Version
from appliance.settings.load import load
from appliance.settings.mail_rules import compile_mail
from appliance.supervisor.mail_addresses import MailAddresses, taken

DEVICES = "device_networks: [10.1.30.0/24]\n"


def account(login: str, uid: int, role: Role, groups: frozenset[str] = frozenset()) -> Account:
    return Account(login=login, uid=uid, role=role, display_name=login.title(), groups=groups)


@pytest.fixture
def school() -> Snapshot:
    accounts = (
        account("fred", 20_001, Role.PUPIL, frozenset({"klasse3a"})),
        account("olga", 20_002, Role.OFFICE),
        account("ada", 20_003, Role.ADMIN),
    )
    opened = AccessRule("access.yaml rules[0]", frozenset({Service.MAIL}), Who(everyone=True), allow=True)
    return Snapshot(
        version=Version(1, 1),
        audience="mail",
        domain="schule.example",
        zone=ZoneInfo("Europe/Berlin"),
        accounts={each.login: each for each in accounts},
        groups={"klasse3a": Group("klasse3a", GroupKind.CLASS, 1), "leer": Group("leer", GroupKind.CLUB, 2)},
        rules=(opened,),
    )


def problems(folder: Path, school: Snapshot, text: str) -> list[str]:
    (folder / "network.yaml").write_text(DEVICES)
    (folder / "mail.yaml").write_text(text)
    settings = load(folder)
    return taken(settings, replace(school, mail=compile_mail(settings.mail.rules, settings.mail.outside)))


def test_what_does_as_it_says_is_not_named(tmp_path: Path, school: Snapshot) -> None:
    addresses = "{sekretariat: {roles: [office]}, postmaster: {users: [olga]}, sv: {groups: [klasse3a]}}"
    device = "devices: [{address: 10.1.30.5, sender: kopierer@schule.example}]\n"
    assert problems(tmp_path, school, f"{device}rules:\n  addresses: {addresses}\n") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("klasse3a: {roles: [office]}", [".klasse3a takes the mail of the group of this name"]),
        ("fred: {roles: [office]}", [": an account has this address and gets the mail"]),
        ("leitung: {users: [olga, gibts.nicht]}", [".leitung names 1 of 2 users that do not exist"]),
        ("leitung: {roles: [office], groups: [rat]}", [".leitung names groups that do not exist: rat"]),
        ("leitung: {groups: [leer]}", [".leitung reaches nobody who takes mail"]),
        ("leitung: {roles: [staff]}", [".leitung reaches nobody who takes mail"]),
        ("leitung: {users: [nix]}", [".leitung names 1 of 1 users", ".leitung reaches nobody"]),
    ],
)
def test_what_does_not_is_named_with_its_line_and_without_a_person(
    tmp_path: Path, school: Snapshot, line: str, said: list[str]
) -> None:
    found = problems(tmp_path, school, f"rules:\n  addresses:\n    sekretariat: {{roles: [office]}}\n    {line}\n")
    assert len(found) == len(said)
    for one, start in zip(found, said, strict=True):
        assert one.startswith(f"mail.yaml:4 rules.addresses{start}")
        assert "fred" not in one and "gibts" not in one and "nix" not in one


@pytest.mark.parametrize("local", ["klasse3a", "fred", "postmaster"])
def test_a_device_whose_address_somebody_has(tmp_path: Path, school: Snapshot, local: str) -> None:
    devices = "devices:\n- {address: 10.1.30.5, sender: kopierer@schule.example}\n"
    (only,) = problems(tmp_path, school, f"{devices}- {{address: 10.1.30.6, sender: {local}@schule.example}}\n")
    assert only == (
        "mail.yaml:3 devices[1].sender: an account, group or role has this address, so the device's mail is refused"
    )


def test_the_row_follows_the_settings_and_the_directory(tmp_path: Path, school: Snapshot) -> None:
    (tmp_path / "mail.yaml").write_text("rules:\n  addresses: {rat: {groups: [rat]}}\n")
    now = [load(tmp_path), None]
    addresses = MailAddresses(lambda: now[0], lambda: now[1])
    assert addresses.check() is None, "nothing is known yet"
    now[1] = school
    row = addresses.check()
    assert row is not None and row["name"] == "mail addresses" and not row["ok"]
    assert row["text"].count("; ") == 1, "the group is not there, and nobody is reached"
    now[1] = replace(school, groups={**school.groups, "rat": Group("rat", GroupKind.STAFF, 3)})
    assert "do not exist" not in addresses.check()["text"]
    (tmp_path / "mail.yaml").write_text("rules: {}\n")
    now[0] = load(tmp_path)
    assert addresses.check() is None
