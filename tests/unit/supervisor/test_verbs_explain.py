"""What ``schoolserver explain`` is told about letters, the rules by which mail decides, and about devices."""

import re
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from types import SimpleNamespace

import pytest

from appliance.filter.record import INDEX, folder_of
from appliance.filter.update import Update
from appliance.policy.access import Who
from appliance.policy.account import Consent, Role
from appliance.policy.mailing import MailRules
from appliance.policy.owners import Binding
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules
from appliance.settings.web_lists import ListSource
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.verb import Call, VerbError
from appliance.supervisor.verbs_explain import verbs

from .scenery import NOW, directory, settings

FRED, ANNA = "fred.mustermann", "anna.lehmann"
PHONE = "10.1.40.7"
OWNERS = {PHONE: Binding(FRED, NOW, NOW + timedelta(hours=3))}

PUPILS = Who(roles=frozenset({Role.PUPIL}))
WEB = (
    WebRule("web.yaml:4 rules[0]", PUPILS, Verdict.BLOCK, frozenset({"games"}), devices=frozenset({PHONE})),
    WebRule("web.yaml:5 rules[1]", PUPILS, Verdict.BLOCK, targets=frozenset({"zu.example"})),
    WebRule("web.yaml:9 blocked_categories", PUPILS, Verdict.BLOCK, frozenset({"doh", "press"})),
)


@pytest.fixture
def explain(tmp_path):
    return explaining(tmp_path, {})


@pytest.fixture
def explain_in_12(tmp_path):
    return explaining(tmp_path, {"12": (ip_network("10.1.12.0/24"),)})


def explaining(tmp_path, rooms):
    """Give the verb in a small school with some lists and ``rooms``."""
    sources = []
    for name, domains in {"games": "a.test\nspiele.example\n", "press": "zeitung.example\n"}.items():
        (tmp_path / name).write_text(domains)
        sources.append(ListSource(str(tmp_path / name), "domains", (name,), None, ()))
    lists = replace(settings().web.lists, sources=tuple(sources))
    Update(folder_of(tmp_path), lists, lambda: NOW, lambda *_: None).run()
    server = replace(settings().server, state=tmp_path)
    made = replace(settings(), server=server, web=replace(settings().web, lists=lists), web_rules=WebRules(WEB))
    whole = compose(directory(), Known(), made)
    agreed = {login: replace(one, consents=frozenset(Consent)) for login, one in whole.accounts.items()}
    whole = replace(
        whole, accounts=agreed, mail=MailRules(sends_outside=frozenset({Role.TEACHER})), owners=OWNERS, rooms=rooms
    )
    core = SimpleNamespace(snapshot=lambda: whole, clock=lambda: NOW, settings=made)
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


def test_a_site_is_explained_down_to_the_line_of_the_list_and_to_what_would_have_to_change(explain, tmp_path) -> None:
    told = explain(FRED, "https://www.zeitung.example/x", "web")
    assert (told["answer"], told["reason"]) == ("deny", "closed-category")
    assert told["rule"]["source"] == "web.yaml:9 blocked_categories"
    assert told["rule"]["text"].startswith("the site is in press: block doh, press for pupil")
    assert "the site is in press" in told["steps"]
    assert "web.yaml:4 rules[0] is about other sites" in told["steps"]
    assert told["steps"][-1] == f"zeitung.example is in press by {tmp_path}/press, line 1"
    first, then, last = told["changes"]
    leave = "web.yaml:9 blocked_categories would have to leave out the category, or the lists the site"
    assert first == f"{leave} (web.yaml: lists.own, lists.without)"
    assert then == (
        "an allow rule for the site would have to stand before it in web.yaml, or the site in web.yaml: always"
    )
    assert last.endswith("for a lesson: schoolserver web allow klasse3a www.zeitung.example --until TIME")


@pytest.mark.parametrize(
    ("login", "site", "step"),
    [
        (
            FRED,
            "https://www.google.de/",
            "safe search is enforced, by connecting to forcesafesearch.google.com in place",
        ),
        (FRED, "m.youtube.com", "YouTube's strict restriction is enforced, by connecting to restrict.youtube.com"),
        ("", "www.bing.com", "safe search is enforced, by connecting to strict.bing.com in place of"),
        (ANNA, "www.bing.com", "safe search is not enforced: no line of web.yaml safe_search is about this account"),
        (ANNA, "www.youtube.com", "YouTube's restriction is not enforced: no line of"),
    ],
)
def test_safe_search_is_explained_with_its_line(explain, login: str, site: str, step: str) -> None:
    told = explain(login, site, "web", **({} if login else {"device": "10.1.40.8"}))
    (found,) = (one for one in told["steps"] if one.startswith(step))
    assert login == ANNA or re.search(r": web\.yaml:[0-9]+ safe_search\[0\]$", found)


def test_where_nobody_searches_nothing_is_said_of_it(explain) -> None:
    assert not any(
        "safe" in one for site in ("mail.google.com", "a.test") for one in explain(FRED, site, "web")["steps"]
    )


def test_the_room_comes_first(explain_in_12) -> None:
    told = explain_in_12(FRED, "https://example.org/", "web", address="10.1.12.3")
    assert told["steps"][:2] == ["in room 12", f"account {FRED} is known: pupil, groups klasse3a"]
    assert explain_in_12(FRED, "https://example.org/", "web", room="12")["steps"][0] == "in room 12"


def test_a_site_of_a_list_that_comes_with_the_package_and_one_on_no_list(explain) -> None:
    told = explain(FRED, "dns.google:443", "web")
    assert told["reason"] == "closed-category"
    assert told["steps"][-1].startswith("dns.google is in doh by the package's list doh.list, line ")
    told = explain(FRED, "frei.example", "web")
    assert told["answer"] == "allow"
    assert "the site is in unlisted" in told["steps"]
    assert told["changes"] == []


def test_without_an_index_that_is_said(explain, tmp_path) -> None:
    (folder_of(tmp_path) / INDEX).unlink()
    told = explain(FRED, "zeitung.example", "web")
    assert told["answer"] == "allow" and "there are no lists that could be looked up" in told["steps"]


def test_an_address_is_explained_as_the_proxy_sees_it(explain) -> None:
    assert explain(FRED, "93.184.215.14", "web")["rule"]["text"].startswith("a name is asked for, no address")
    assert explain(FRED, "10.1.0.7", "web")["answer"] == "allow"


def test_a_device_is_explained_as_its_owners_or_nobodys(explain) -> None:
    told = explain(FRED, "spiele.example", "web", device=PHONE)
    assert told["rule"]["source"] == "web.yaml:4 rules[0]"
    assert explain(FRED, "spiele.example", "web", address="10.1.40.8")["answer"] == "allow"
    told = explain(FRED, "spiele.example", "web", device="10.1.40.8")
    assert told["reason"] == "owner-changed"
    assert told["changes"] == ["the device would have to be bound to the account: schoolserver devices bind"]
    assert explain("", "zu.example", "web", device="10.1.40.8")["reason"] == "closed-site"


@pytest.mark.parametrize("wrong", [{"device": "here"}, {"address": "here"}, {"device": PHONE, "address": PHONE}])
def test_a_device_or_an_address_that_is_none_is_refused(explain, wrong) -> None:
    with pytest.raises(VerbError):
        explain(FRED, "spiele.example", "web", **wrong)
    with pytest.raises(VerbError):
        explain(FRED, ANNA, device=PHONE)


def test_an_unknown_account_is_told_what_it_lacks(explain) -> None:
    assert explain("nobody", ANNA)["changes"] == [
        "the directory would have to know the account: schoolserver users import"
    ]
