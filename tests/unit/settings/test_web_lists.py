"""``web.yaml: lists``: sources, own entries, and what does not fit together."""

import pytest

from appliance.filter.formats import FORMATS
from appliance.filter.sources import items, shipped
from appliance.settings.check import check
from appliance.settings.load import load
from appliance.settings.web_lists import ListSource


def problems(folder, text):
    (folder / "web.yaml").write_text(text, encoding="utf-8")
    return [str(problem) for problem in check(folder)]


def test_as_delivered_there_is_a_list_for_each_category_that_is_closed_to_somebody(tmp_path):
    found = load(tmp_path)
    lists = items(found.web.lists.sources)
    assert all(one.url.startswith("https://") and one.categories[0] in one.url for one in lists)
    ours = {one.category for one in shipped()}
    assert {category for one in lists for category in one.categories} | ours == {
        one for rule in found.web_rules for one in rule.categories
    }


def test_the_formats_are_those_that_are_read():
    (row,) = (row for row in ListSource.__dataclass_fields__["format"].metadata.values())
    assert row.kind.name.split(" | ") == list(FORMATS)


def test_values(tmp_path):
    text = """lists:
  sources:
  - {url: "https://lists.example/{category}.gz", format: domains, categories: [games, adult], may_close: [xxx]}
  - {url: /srv/lists, format: squidguard, categories: [games]}
  - {url: "http://lists.example/hosts", format: hosts, categories: [ads], sha256: "https://lists.example/sums"}
  own: {games: [Bücher.example, "*.spiele.example", "chat.example/Room/1"]}
  without: {adult: [gut.example]}
  stale: 30 days
"""
    assert problems(tmp_path, text) == []
    found = load(tmp_path).web.lists
    assert found.own["games"] == ("xn--bcher-kva.example", "spiele.example", "chat.example/Room/1")
    assert [one.url for one in items(found.sources)] == [
        *(
            "https://lists.example/games.gz",
            "https://lists.example/adult.gz",
            "/srv/lists",
            "http://lists.example/hosts",
        ),
    ]
    assert found.stale == 30 * 86400


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{url: 'ftp://a/b', format: hosts, categories: [a]}", "an address with http"),
        ("{url: '../lists', format: hosts, categories: [a]}", "an address with http"),
        ("{url: /a, format: host, categories: [a]}", "hosts"),
        ("{url: /a, format: hosts, categories: []}", "at least 1"),
        ("{url: /a, format: hosts, categories: [../../etc]}", "a category"),
        ("{url: /a, format: hosts, categories: [a, b]}", "one category, or {category} in the url"),
        (
            f"{{url: '/{{category}}', format: hosts, categories: [a, b], sha256: {'0' * 64}}}",
            "the URL of a file with all",
        ),
        ("{url: /a, format: hosts, categories: [a], sha256: 12}", "64 hexadecimal digits"),
        ("{url: /a, format: hosts, categories: [a], may_close: ['*']}", "a public suffix"),
        ("{format: hosts, categories: [a]}", "url"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, source, problem):
    found = problems(tmp_path, f"lists:\n  sources:\n  - {source}\n")
    assert found and problem in found[0] and found[0].startswith("web.yaml:3")


@pytest.mark.parametrize("entry", ["'a b'", "'https://a.example/x'", "a.example:80", "'a.example/ x'", "''"])
def test_own_entries_that_are_none(tmp_path, entry):
    assert problems(tmp_path, f"lists:\n  own: {{games: [{entry}]}}\n")
