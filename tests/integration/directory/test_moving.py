"""A school moves from slapd into the domain: both are the real thing."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, Directory, connect
from appliance.directory.errors import DirectoryUnavailable
from appliance.directory.moving import CannotMove, move
from appliance.directory.records import DirectoryAccount, DirectoryState
from appliance.policy.account import GroupKind, Role
from tests.integration.support_domain import possible, start_domain
from tests.integration.support_slapd import start_slapd

pytestmark = possible
_NAMES = [("Siobhán", "O'Brien"), ("Max Emil", "von der Heide"), ("Søren", "Müller-Lüdenscheidt"), ("Zoë", "")]


@pytest.fixture(scope="module")
def both():
    folders = [Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp")) for _ in range(2)]
    try:
        with start_slapd(folders[0]) as slapd, start_domain(folders[1]) as domain:
            here, there = connect(slapd.settings, "supervisor"), connect(domain.settings, "supervisor")
            yield here, there, connect(slapd.settings, "auth"), connect(domain.settings, "auth"), domain
            here.close()
            there.close()
    finally:
        for folder in folders:
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def school(both) -> DirectoryState:
    here: Directory = both[0]
    for number, (given, surname) in enumerate(_NAMES):
        login = f"pupil-with-a-very-long-name.{number}"
        here.create_account(login=login, uid=20001 + number, given_name=given, surname=surname, role=Role.PUPIL)
        both[2].set_password(login, Secret("Rote+Kreide71"), must_change=False)
    here.create_account(login="probe", uid=20050, given_name="", surname="", role=Role.STAFF, hidden=True)
    here.create_group(name="klasse3a", kind=GroupKind.CLASS, gid=20100, title="Klasse 3a")
    here.create_group(name="leer", kind=GroupKind.CLUB, gid=20101)
    here.add_members("klasse3a", [f"pupil-with-a-very-long-name.{number}" for number in (0, 1, 3)])
    here.set_disabled("pupil-with-a-very-long-name.1", True)
    return here.read()


def compared(state: DirectoryState) -> tuple[object, ...]:
    """What must be the same over there; passwords cannot be, and ids of entries are a directory's own."""
    return tuple(map(_same, state.accounts)), state.groups


def _same(account: DirectoryAccount) -> DirectoryAccount:
    return replace(account, uuid=None, must_change=False, password_changed_at=None)


def test_cut_at_any_step_it_is_done_again_and_then_all_is_there(both, school):
    _, there, _, passwords, _ = both
    for step in (1, 4, 2):  # each after what the ones before have done

        def cut(done: int, _all: int, at: int = step) -> None:
            if done == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            move(school, there, cut)
    assert move(school, there) > 0
    assert compared(there.read()) == compared(school)
    assert move(school, there) == 0
    login = school.accounts[0].login
    found = there.find(login)
    assert (found.password_changed_at, found.must_change) == (None, False), "nobody has a password there yet"
    assert passwords.check(login, Secret("Rote+Kreide71")) is Checked.WRONG
    passwords.set_password(login, Secret("Kamu-Tibo-472"), must_change=True)
    assert passwords.check(login, Secret("Kamu-Tibo-472")) is Checked.MUST_CHANGE


def test_what_changes_meanwhile_goes_over_with_the_next_round(both, school):
    here, there, *_ = both
    here.create_account(login="late.comer", uid=20060, given_name="Late", surname="Comer", role=Role.TEACHER)
    here.add_members("leer", ["late.comer"])
    here.remove_members("klasse3a", [school.accounts[0].login])
    here.set_disabled("pupil-with-a-very-long-name.1", False)
    here.remove_account("pupil-with-a-very-long-name.3")
    move(here.read(), there)
    assert compared(there.read()) == compared(here.read())


def test_what_the_domain_refuses_is_named_and_hinders_nobody_else(both):
    """Every domain has accounts of its own, such as guest."""
    here, there, *_ = both
    here.create_account(login="guest", uid=20070, given_name="Gast", surname="Schule", role=Role.STAFF)
    here.create_account(login="next.one", uid=20071, given_name="Next", surname="One", role=Role.PUPIL)
    with pytest.raises(CannotMove, match="guest: "):
        move(here.read(), there)
    assert there.find("next.one") is not None
    here.remove_account("guest")
    move(here.read(), there)
    assert compared(there.read()) == compared(here.read())


def test_a_domain_that_is_away_changes_nothing_here(both):
    here, there, _, _, domain = both
    before = here.read()
    domain.kill()
    try:
        with pytest.raises(DirectoryUnavailable):
            move(before, there)
    finally:
        domain.start()
    assert compared(here.read()) == compared(before)
