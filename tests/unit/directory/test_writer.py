import pytest

from appliance.directory.writer import nobody_knows
from appliance.policy.passwords import problems


@pytest.mark.parametrize("login", ["kind.nr2", "b6-.t9+", "a.b", "anna.musterfrau"])
def test_a_password_that_nobody_knows_is_one_that_the_domain_takes(login):
    given_name, _, surname = login.partition(".")
    seen = {nobody_knows(login, given_name, surname).reveal() for _ in range(300)}
    assert len(seen) == 300
    for password in seen:
        assert not problems(password, login, (given_name, surname), ("Bert-Brecht-Schule", "Haus am See"))
