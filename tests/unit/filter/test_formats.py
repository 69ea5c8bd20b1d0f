"""How lists are written, and which are refused as a whole."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.filter.entry import Entry, Kind
from appliance.filter.formats import WIDE, Reader
from appliance.filter.lines import LONGEST, ListRefused, lines
from appliance.filter.suffixes import FILE, Suffixes, public_suffixes

SUFFIXES = public_suffixes()


def entries(form, text, kind="domains", **more):
    data = text.encode() if isinstance(text, str) else text
    reader = Reader(form, SUFFIXES, **more)
    return [entry[1:] for entry in reader.entries(lines(io.BytesIO(data), 1 << 20), "games", kind)]


def domains(form, text, **more):
    return [text for kind, text, allow in entries(form, text, **more) if kind is Kind.DOMAIN and not allow]


def test_a_plain_list_of_domains():
    text = "\ufeffexample.org\r\n# note\n\n*.spiele.example  # why\nbücher.example\nexample.net/chat\n"
    assert entries("domains", text) == [
        (Kind.DOMAIN, "example.org", False),
        (Kind.DOMAIN, "spiele.example", False),
        (Kind.DOMAIN, "xn--bcher-kva.example", False),
        (Kind.URL, "example.net/chat", False),
    ]


def test_the_files_of_a_folder_of_squidguard():
    assert entries("squidguard", "example.org\n192.0.2.7\n") == [
        (Kind.DOMAIN, "example.org", False),
        (Kind.DOMAIN, "192.0.2.7", False),
    ]
    assert entries("squidguard", "example.org/x\nexample.net/\n", "urls") == [
        (Kind.URL, "example.org/x", False),
        (Kind.DOMAIN, "example.net", False),
    ]
    assert entries("squidguard", "(/banner/|/ads/)\n", "expressions") == [(Kind.EXPRESSION, "(/banner/|/ads/)", False)]


def test_a_hosts_file():
    text = """127.0.0.1 localhost
::1 localhost ip6-loopback
fe80::1%lo0 localhost
ff02::1 ip6-allnodes
255.255.255.255 broadcasthost
0.0.0.0 0.0.0.0
0.0.0.0 ads.example spy.example # two
127.0.0.1\tMore.example
:: six.example
192.0.2.9 elsewhere.example
"""
    assert domains("hosts", text) == ["ads.example", "spy.example", "more.example", "six.example"]


def test_rules_of_adblock_about_whole_domains():
    text = """[Adblock Plus 2.0]
! Title: x
||ads.example^
||more.example^$important,document
||third.example^$third-party
||pics.example^$image
||example.org/banner^
||wild*.example^
|https://begin.example^
/regex[0-9]/
example.org##.ad
example.org#@#.ad
@@||good.example^
@@||tiny.example^$script
plain.example
||192.0.2.7^
&ad_
"""
    assert entries("adblock", text) == [
        (Kind.DOMAIN, "ads.example", False),
        (Kind.DOMAIN, "more.example", False),
        (Kind.DOMAIN, "good.example", True),
        (Kind.DOMAIN, "plain.example", False),
        (Kind.DOMAIN, "192.0.2.7", False),
    ]


@pytest.mark.parametrize("suffix", ["de", "DE.", "*.com", "nosuchtld", "рф"])
@pytest.mark.parametrize("form", ["domains", "squidguard", "hosts", "adblock"])
def test_a_list_that_closes_a_top_level_domain_is_refused(form, suffix):
    line = {"hosts": f"0.0.0.0 {suffix}", "adblock": f"||{suffix.strip('*.')}^"}.get(form, suffix)
    with pytest.raises(ListRefused, match=r"line 2 would cover all of .* a public suffix"):
        entries(form, f"{'0.0.0.0 ' if form == 'hosts' else ''}fine.example\n{line}\n")


def test_other_public_suffixes_are_passed_over_and_many_of_them_refuse_the_list():
    rules = FILE.read_text(encoding="utf-8").partition("===END ICANN")[0].splitlines()
    second = [rule for rule in rules if "." in rule and rule.isascii() and not set(rule) & set("/*! ")]
    assert {"co.uk", "game.tw", "gov.uk"} <= set(second)
    left_out = []
    some = ["fine.example", *second[:WIDE]]
    assert domains("domains", "\n".join(some), left_out=left_out) == ["fine.example"]
    assert left_out == second[:WIDE]
    with pytest.raises(ListRefused, match=rf"line {WIDE + 2} would cover all of .*, a public suffix"):
        domains("domains", "\n".join([*some, second[WIDE]]))


def test_nor_may_one_be_opened_but_what_the_carer_allows():
    with pytest.raises(ListRefused):
        entries("adblock", "@@||de^\n")
    assert domains("domains", "xxx\n", may_close=frozenset({"xxx"})) == ["xxx"]


def test_firms_below_which_others_have_sites_may_be_closed():
    assert domains("domains", "github.io\nwww.ck\nexample.co.uk\n") == ["github.io", "www.ck", "example.co.uk"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a.example\n" + b"x" * (LONGEST + 1) + b"\n", "line 2 has more than 8192 bytes"),
        (b"x" * (1 << 20), "line 1 has more than 8192 bytes"),
        (b"a.example\n\x7fELF\x00\x01\n", "line 2 is no text but binary"),
        (b"a.example\n" * 200_000, "it has more than 1,048,576 bytes"),
        (b"<!DOCTYPE html>\n<html>\n<p>Not found</p>\n", "3 of 3 lines are no domains"),
        (b"a.example\n" * 100 + b"what is this\n" * 30, r"30 of 130 lines are no domains \(the first is line 101"),
    ],
    ids=["a long line", "one line only", "binary", "too much", "a page", "prose"],
)  # fmt: skip
def test_what_is_no_list_is_refused_with_the_reason(data, why):
    with pytest.raises(ListRefused, match=why):
        entries("domains", data)


def test_a_gigabyte_without_an_end_of_line_is_read_no_further_than_a_line():
    class Endless:
        asked = 0

        def readline(self, size):
            self.asked += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(ListRefused):
        list(lines(endless, 1 << 40))
    assert endless.asked < 2 * LONGEST


def test_a_few_strange_lines_are_passed_over():
    assert domains("domains", "a.example\n\udcff b\nc.example\n".encode("utf-8", "surrogateescape")) == [
        "a.example",
        "c.example",
    ]


def test_a_message_has_nothing_that_could_lead_a_terminal():
    with pytest.raises(ListRefused) as refusal:
        entries("domains", "\x1b[31mred\n" * 2)
    assert str(refusal.value).isprintable()


@given(
    st.binary(max_size=300),
    st.sampled_from(["domains", "squidguard", "hosts", "adblock"]),
    st.sampled_from(["domains", "urls"]),
)
def test_whatever_comes_it_is_entries_or_a_refusal(data, form, kind):
    try:
        found = entries(form, data, kind)
    except ListRefused:
        return
    for what, text, _ in found:
        assert what is Kind.URL or (text and not SUFFIXES.has(text))
        assert isinstance(Entry("games", what, text), Entry)


def test_rules_of_suffixes():
    found = Suffixes(["// note", "de", "*.ck", "!www.ck", "公司.cn", "// ===END ICANN DOMAINS===", "github.io"])
    assert [found.has(one) for one in ("de", "co.ck", "xn--55qx5d.cn", "unknown")] == [True] * 4
    assert not any(found.has(one) for one in ("a.de", "www.ck", "a.co.ck", "github.io"))
