"""What ``schoolserver explain`` is told about letters, the rules by which mail decides, and about devices."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from appliance.policy.account import Consent, Role
from appliance.policy.mailing import MailRules
from appliance.policy.owners import Binding
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.verb import Call
from appliance.supervisor.verbs_explain import verbs

from .scenery import NOW, directory, settings

FRED, ANNA = "fred.mustermann", "anna.lehmann"
PHONE = "10.1.40.7"
OWNERS = {PHONE: Binding(FRED, NOW, NOW + timedelta(hours=3))}


@pytest.fixture
def explain():
    whole = compose(directory(), Known(), settings())
    agreed = {login: replace(one, consents=frozenset(Consent)) for login, one in whole.accounts.items()}
    whole = replace(whole, accounts=agreed, mail=MailRules(sends_outside=frozenset({Role.TEACHER})), owners=OWNERS)
    core = SimpleNamespace(snapshot=lambda: whole, clock=lambda: NOW, settings=settings())
    verb = verbs(core)["explain"]

    def asked(login: str, target: str, service: str = "mail", **more: str) -> dict:
        given = verb.checked({"login": login, "service": service, "target": target, **more})
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


@pytest.mark.parametrize("login", [FRED, ANNA])
def test_whose_device_it_is_that_a_page_is_asked_for_from(explain, login: str) -> None:
    told = explain(login, "https://example.org/", "web", address=PHONE)
    assert told["answer"] == "allow"
    assert told["steps"][-1] == f"{PHONE} is a device of {FRED} until 2026-11-23 12:00"
    assert explain(login, "https://example.org/", "web", address="10.1.40.8")["steps"][-1].startswith(
        "10.1.40.8 is nobody's device"
    )


def test_the_limits_of_https_are_said_to_be_those_of_a_window(explain) -> None:
    told = explain(FRED, "https://example.org/", "web")
    assert told["limits"]
    assert "proxy.yaml tunnel_window" in told["steps"][-1]
    assert not any("tunnel_window" in step for step in explain(FRED, ANNA)["steps"])


def test_what_is_open_to_a_device_of_nobody(explain) -> None:
    told = explain("", "https://example.org/", "web", address="10.1.40.8")
    assert told["answer"] == "allow"
    assert told["rule"]["text"].startswith("the address has no owner: allow ")
    assert explain("", "https://example.org/", "web", address=PHONE)["reason"] == "owner-changed"
    assert explain("", ANNA)["reason"] == "unknown-account"
