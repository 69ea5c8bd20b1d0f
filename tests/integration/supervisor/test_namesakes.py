"""Two people of one name and one birth date, in the domain: two accounts that stay apart by their source ids (K01)."""

import pytest

from appliance.supervisor.client import ServerRefused
from tests.integration.support_domain import possible
from tests.integration.support_domain_school import domain_school
from tests.integration.support_school import ACCOUNTS, QUICK, ROSTER

pytestmark = possible

BOTH = ("lea.schmidt", "lea.schmidt2")
TWICE = ROSTER + "901;Lea;Schmidt;3a;pupil;01.03.2017\n902;Lea;Schmidt;4b;pupil;01.03.2017\n"


@pytest.fixture(scope="module")
def school():
    with domain_school(QUICK, [unit for unit in ACCOUNTS if unit != "directory"]) as made:
        made.once = made.take_in(TWICE)[1]
        yield made


def test_each_has_an_account_and_logs_on_with_a_password_of_his_own(school):
    for login in BOTH:
        school.choose_password(login, school.once[login])
    assert [school.log_on(login, school.passwords[login]) for login in BOTH] == ["in", "in"]
    assert "incorrect" in school.log_on(BOTH[0], school.passwords[BOTH[1]])
    groups = {login: school.call("users.show", login=login)["groups"] for login in BOTH}
    assert groups == {BOTH[0]: ["klasse3a"], BOTH[1]: ["klasse4b"]}


def test_the_same_file_once_more_changes_nothing_and_a_move_is_the_right_ones(school):
    plan = school.take_in(TWICE)[0]["plan"]
    assert not any(plan.values()), plan
    moved = school.take_in(TWICE.replace("902;Lea;Schmidt;4b", "902;Lea;Schmidt;4c"))[0]["plan"]["moved"]
    assert [move["login"] for move in moved] == [BOTH[1]]


def test_without_a_source_id_nobody_guesses_which_of_the_two_it_is(school):
    with pytest.raises(ServerRefused) as refused:
        school.take_in(TWICE.replace("902;Lea;Schmidt", ";Lea;Schmidt"))
    assert refused.value.text
    print(refused.value.text)
