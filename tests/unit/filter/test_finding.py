"""The carer is shown the line of a list that names a host, and no other."""

import io
import tarfile

import pytest

from appliance.filter.entry import Kind
from appliance.filter.finding import found_in
from appliance.filter.index import Match
from appliance.filter.record import LISTS
from appliance.filter.sources import items
from appliance.settings.web_lists import ListSource, WebLists

SITE = Match("games", Kind.DOMAIN, "spiele.example", allow=False)


def lists(*sources, own=None, without=None):
    return WebLists(sources, own or {}, without or {}, 1 << 20, 86400.0)


def source(form, url="https://lists.example/x"):
    return ListSource(url, form, ("games",), None, ())


@pytest.fixture
def find(tmp_path):
    """Gives a search of a list with this content as it was fetched."""
    (tmp_path / LISTS).mkdir()

    def found(content, match=SITE, form="domains"):
        wanted = lists(source(form))
        (item,) = items(wanted.sources)
        (tmp_path / LISTS / item.key).write_bytes(content if isinstance(content, bytes) else content.encode())
        return [(one.place, one.line) for one in found_in(tmp_path, wanted, [match])]

    return found


@pytest.mark.parametrize(
    "line",
    [
        "spiele.example",
        ".spiele.example",
        "*.spiele.example",
        "spiele.example # a site",
        "spiele.example.",
        "0.0.0.0 spiele.example",
        "||spiele.example^",
        "  spiele.example\r",
    ],
)
def test_a_line_is_found_as_lists_write_it(find, line):
    assert find(f"a.test\n\n{line}\nb.test\n") == [("https://lists.example/x", 3)]
    assert find(line) == [("https://lists.example/x", 1)]


@pytest.mark.parametrize(
    "line",
    [
        "meinspiele.example",
        "my-spiele.example",
        "www.spiele.example",
        "spiele.example.org",
        "spiele.examples",
        "# spiele.example",
        "other.test # not spiele.example",
        "@@||spiele.example^",
        "! spiele.example",
    ],
)
def test_what_only_looks_like_it_is_not(find, line):
    assert find(f"a.test\n{line}\n") == []


def test_an_exception_is_found_as_one(find):
    match = SITE._replace(allow=True)
    assert find("||spiele.example^\n@@||spiele.example^\n", match, "adblock") == [("https://lists.example/x", 2)]


def test_a_name_with_umlauts_is_found_as_it_is_written(find):
    match = SITE._replace(text="xn--bse-sna.example")
    assert find("a.test\nböse.example\n", match) == [("https://lists.example/x", 2)]


def test_folders_of_squidguard_are_searched_for_pages_too(find):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("games/domains", b"a.test\n"), ("games/urls", b"a.test/x\nspiele.example/chat\n")):
            about = tarfile.TarInfo(name)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text))
    page = Match("games", Kind.URL, "spiele.example/chat", allow=False)
    assert find(packed.getvalue(), page, "squidguard") == [("https://lists.example/x", 2)]
    assert find(packed.getvalue(), SITE, "squidguard") == []
    assert find(b"broken", SITE, "squidguard") == []


def test_what_the_school_and_the_package_say_comes_first(tmp_path):
    wanted = lists(own={"games": ("spiele.example",)}, without={"games": ("gut.example",)})
    (own,) = found_in(tmp_path, wanted, [SITE])
    assert str(own) == "spiele.example is in games by web.yaml lists.own.games"
    (taken,) = found_in(tmp_path, wanted, [Match("games", Kind.DOMAIN, "gut.example", allow=True)])
    assert str(taken) == "gut.example is taken out of games by web.yaml lists.without.games"
    (shipped,) = found_in(tmp_path, wanted, [Match("doh", Kind.DOMAIN, "dns.google", allow=False)])
    assert shipped.place == "the package's list doh.list" and str(shipped).endswith(f", line {shipped.line}")


def test_a_list_that_is_gone_is_passed_over(tmp_path):
    assert found_in(tmp_path, lists(source("domains")), [SITE]) == ()
