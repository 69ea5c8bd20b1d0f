"""Faults put into a snapshot by hand: each is found and named, by the sample and by the backup server's own verify."""

import os
import shutil
from pathlib import Path

import pytest

from appliance.backup_server.manifest import Section
from appliance.policy.account import Role
from tests.integration.backup.support_drill import FRED, GROUP, OLGA, PAULA, Damage, drilled, undone
from tests.integration.support_place import AS_ROOT

LETTER = "Mathe/Brief.odt"
FAULTS = {
    "flipped.bit": (Damage.flipped_bit, {(LETTER, "content")}),
    "cut.file": (Damage.cut, {(LETTER, "size")}),
    "touched.file": (Damage.touched, {(LETTER, "time")}),
    "given.away": (Damage.given_away, {(LETTER, "owner")}),
    "open.toall": (Damage.opened_to_all, {(LETTER, "mode")}),
    "access.list": (Damage.access_list, {(LETTER, "attrs")}),
    "another.attribute": (Damage.another_attribute, {(LETTER, "attrs")}),
    "another.kind": (Damage.another_kind, {(LETTER, "type")}),
    "missing.file": (Damage.missing, {(LETTER, "missing")}),
    "extra.file": (Damage.extra, {("Mathe/extra", "extra")}),
    "nothing.wrong": (lambda _: None, set()),
}
ROOTS = {"given.away"}  # whom nobody else can give a file to


@pytest.fixture(scope="module")
def backed():
    """A school with one snapshot, to be left as it was found."""
    with drilled() as school:
        yield school, school.back_up()


def test_each_fault_is_found_and_named_in_both_ways():
    roles = list(Role)
    with drilled({login: roles[number % len(roles)] for number, login in enumerate(FAULTS)}) as school:
        snapshot = school.back_up()
        for login, (damage, _) in FAULTS.items():
            if AS_ROOT or login not in ROOTS:
                damage(Damage(snapshot / "homes" / login / LETTER))
        expected = {
            ("homes", login, *one)
            for login, (_, found) in FAULTS.items()
            if AS_ROOT or login not in ROOTS
            for one in found
        }
        assert school.verified() == expected
        assert school.sampled() == {one for one in expected if one[3] != "extra"}  # only what was asked for comes
        done = school.drill()
        assert not done["well"]
        assert school.findings(done) == expected
        assert sum(done["faults"]["homes"].values()) == len(expected)
        assert list(done["faults"]) == ["homes"]


def test_mail_groups_and_the_audit_log_are_looked_at_too(backed):
    school, snapshot = backed
    mails = [snapshot / "mail" / login / "cur" / "1.M1:2,S" for login in school.people if login != OLGA]
    plan, events = snapshot / "groups" / GROUP / "Plan.txt", snapshot / "audit" / "events"
    with undone(plan, events, *mails):
        Damage(plan).flipped_bit()
        Damage(events).cut()
        for mail in mails:
            Damage(mail).missing()
        done = school.drill(first=True)
    assert done["faults"] == {"audit": {"size": 1}, "groups": {"content": 1}, "mail": {"missing": 3}}


@pytest.mark.parametrize("how", ["cut", "gone", "another"])
def test_a_section_that_is_damaged(backed, how):
    school, snapshot = backed
    sections = {path: Section.trusted(path.read_bytes()) for path in (snapshot / "sections").iterdir()}
    victim = next(path for path, one in sections.items() if (one.part, one.unit) == ("homes", FRED))
    with undone(victim):
        if how == "cut":
            os.truncate(victim, victim.stat().st_size - 20)
        elif how == "another":
            victim.write_bytes(victim.read_bytes().replace(b"f 640", b"f 666"))
        else:
            victim.unlink()
        expected = {("homes", FRED, ".", "section")}
        assert school.verified() == expected
        assert school.sampled() == expected


@pytest.mark.parametrize("how", ["index", "signature", "shorter"])
def test_an_index_that_is_not_ours_and_nothing_is_said_about_the_rest(backed, how):
    school, snapshot = backed
    index, signature = snapshot / "index", snapshot / "index.sig"
    with undone(index, signature):
        if how == "index":
            index.write_bytes(index.read_bytes().replace(b'"school"', b'"schule"', 1))
        elif how == "signature":
            signature.write_bytes(signature.read_bytes().replace(b"U1NIU0lH", b"U1NIU0lI", 1))
        else:
            index.write_bytes(b"".join(index.read_bytes().splitlines(keepends=True)[:-1]))
        done = school.drill()
    assert done["faults"] == {"index": {"signature": 1}}
    assert (done["tried"], done["slices"], done["dumped"]) == ({}, [], False)


@pytest.mark.parametrize(("damage", "fault"), [(Damage.flipped_bit, "content"), (Path.unlink, "missing")])
def test_a_dump_that_is_damaged_or_gone(backed, damage, fault):
    school, snapshot = backed
    path = school.backed.place.dumps / f"{snapshot.name}.age"
    with undone(path):
        damage(path if damage is Path.unlink else Damage(path))
        done = school.drill()
    assert (done["faults"], done["dumped"]) == ({"dump": {fault: 1}}, False)


def test_a_whole_home_is_gone(backed):
    school, snapshot = backed
    with undone(snapshot / "homes" / PAULA):
        shutil.rmtree(snapshot / "homes" / PAULA)
        missing = {("homes", PAULA, path, "missing") for path in (".", "Mathe", LETTER)}
        assert school.verified() == missing
        assert school.sampled() == missing


def test_the_newest_snapshot_is_gone():
    with drilled() as school:
        school.back_up()
        school.put(school.data / "homes" / FRED / "new", b"new")
        shutil.rmtree(school.back_up())
        assert school.drill()["faults"] == {"snapshots": {"missing": 1}}
