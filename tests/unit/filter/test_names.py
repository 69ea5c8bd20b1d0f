"""Domains and beginnings of addresses as lists write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.filter.names import covered, domain_of, domains, url_of


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Example.ORG", "example.org"),
        (" .dotted.test. ", "dotted.test"),
        ("*.stars.test", "stars.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("STRAßE.example", "xn--strae-oqa.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("-dash_.tumblr.example", "-dash_.tumblr.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("de", "de"),
    ],
)
def test_a_domain_in_the_form_in_which_hosts_are_asked_about(text, domain):
    assert domain_of(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "x y",
        "a/b",
        "a:80",
        "2.7",
        "300.1.1.1",
        "1.2.3",
        "a.7",
        "a" * 64 + ".de",
        "a.b" * 90,
        "a@b.de",
        "*",
    ],
)
def test_what_is_no_domain(text):
    assert domain_of(text) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("Example.org/Games/a?b", "example.org/Games/a?b"),
        ("http://example.org:80/x", "example.org/x"),
        ("https://192.0.2.7/x", "192.0.2.7/x"),
        ("example.org", None),
        ("example.org/", None),
        ("example.org/a b", None),
        ("/x", None),
        ("ftp://example.org/x", None),
    ],
)
def test_beginnings_of_addresses(text, url):
    assert url_of(text) == url


@given(st.text(max_size=40))
def test_whatever_stands_there_a_domain_is_stable_and_plain(text):
    domain = domain_of(text)
    if domain is not None:
        assert domain_of(domain) == domain
        assert domain.isascii() and domain == domain.lower() and 0 < len(domain) <= 253
        assert not set(domain) & set(" /:@#\n\0")


def test_a_domain_covers_what_is_below_it():
    assert covered("a.b.example", frozenset({"b.example"}))
    assert not covered("ab.example", frozenset({"b.example"}))


def test_lines_of_our_own_lists():
    lines = ["Example.ORG\n", "", "# note\n", "x y", "a/b", "ok.test # why", "-" * 300]
    assert list(domains(lines)) == ["example.org", "ok.test"]
