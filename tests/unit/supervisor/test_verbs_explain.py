"""What ``schoolserver explain`` is told about letters: the rules by which mail decides."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from appliance.policy.account import Consent, Role
from appliance.policy.mailing import MailRules
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.verb import Call
from appliance.supervisor.verbs_explain import verbs

from .scenery import NOW, directory, settings

FRED, ANNA = "fred.mustermann", "anna.lehmann"


@pytest.fixture
def explain():
    whole = compose(directory(), Known(), settings())
    agreed = {login: replace(one, consents=frozenset(Consent)) for login, one in whole.accounts.items()}
    whole = replace(whole, accounts=agreed, mail=MailRules(sends_outside=frozenset({Role.TEACHER})))
    core = SimpleNamespace(snapshot=lambda: whole, clock=lambda: NOW, settings=settings())
    verb = verbs(core)["explain"]

    def asked(login: str, target: str) -> dict:
        given = verb.checked({"login": login, "service": "mail", "target": target})
        return verb.run(Call(given, "ada", lambda *_: None))

    return asked


@pytest.mark.parametrize(
    ("login", "target", "answer", "reason", "source"),
    [
        (FRED, ANNA, "allow", None, "built-in"),
        (FRED, "klasse3a", "deny", "closed-group", "mail.yaml rules.own_group.pupil"),
        (ANNA, "klasse3a@schule.example", "allow", None, "mail.yaml rules.any_group.teacher"),
        (FRED, "x@town.example", "deny", "outside-recipient", "mail.yaml outside.send"),
        (ANNA, "x@town.example", "allow", None, "mail.yaml outside.send"),
        (FRED, "nobody", "deny", "unknown-recipient", "state accounts"),
    ],
)
def test_a_letter(explain, login: str, target: str, answer: str, reason: str | None, source: str) -> None:
    told = explain(login, target)
    assert (told["answer"], told["reason"], told["rule"]["source"]) == (answer, reason, source)
    assert told["steps"][-1].startswith(target)


def test_as_whom_somebody_writes(explain) -> None:
    assert explain(ANNA, "")["steps"][-1] == (
        "writes as anna.lehmann@schule.example, klasse3a@schule.example, kollegium@schule.example"
    )
    assert explain(FRED, "")["steps"][-1] == "writes as fred.mustermann@schule.example"


def test_who_is_reached_is_counted_and_not_named(explain) -> None:
    step = explain(ANNA, "klasse3a")["steps"][-1]
    assert step.startswith("klasse3a is 2 mailbox(es); whether they have room is another matter, ")
    assert step.endswith("and so is how much was sent within the hour")
