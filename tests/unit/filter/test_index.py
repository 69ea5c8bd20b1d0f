"""The index against a matcher that is too simple to be wrong."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.filter import build as building
from appliance.filter.build import TooMany, build
from appliance.filter.entry import Entry, Kind
from appliance.filter.index import Index, Match
from appliance.filter.keys import WIDTH, is_prime, new_key
from appliance.filter.layout import PRINT_BITS, REST_BITS, Head, Tables

LABELS = st.sampled_from(["a", "b", "www", "xn--bcher-kva", "de", "co"])
HOSTS = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
CATEGORIES = st.sampled_from(["adult", "games", "vpn"])
DOMAINS = st.builds(Entry, CATEGORIES, st.just(Kind.DOMAIN), HOSTS, st.booleans())
STEPS = st.sampled_from(["x", "y.php", "index"])
PATHS = st.builds(
    lambda steps, query: "/".join(steps) + query,
    st.lists(STEPS, max_size=4),
    st.sampled_from(["", "?q", "?q=1", "?q=1&r=2"]),
)
SITES = st.builds(".".join, st.lists(st.sampled_from(["a", "b", "de"]), min_size=2, max_size=3))
URLS = st.builds(Entry, CATEGORIES, st.just(Kind.URL), st.builds("{}/{}".format, SITES, PATHS), st.booleans())


def domain(category, text, allow=False):
    return Entry(category, Kind.DOMAIN, text, allow)


def url(category, text, allow=False):
    return Entry(category, Kind.URL, text, allow)


@pytest.fixture(scope="module")
def index_of(tmp_path_factory):
    """Build from entries, give the index."""
    target = tmp_path_factory.mktemp("index") / "web.index"

    def index_of(*entries):
        build(entries, target)
        return Index.open(target)

    return index_of


def naive(found):
    return {entry.category for entry in found if not entry.allow} - {entry.category for entry in found if entry.allow}


def above(host, text):
    return host == text or host.endswith("." + text)


def below(address, listed):
    return address == listed or (address.startswith(listed) and (listed[-1] == "/" or address[len(listed)] in "/?&"))


@given(entries=st.lists(DOMAINS, max_size=12), hosts=st.lists(HOSTS, min_size=1, max_size=8))
def test_hosts_are_in_what_lists_say_of_them_and_of_what_is_above_them(index_of, entries, hosts):
    index = index_of(*entries)
    for host in hosts:
        found = [entry for entry in entries if above(host, entry.text)]
        assert index.of(host) == naive(found), host
        told = {(match.category, match.text, match.allow) for match in index.matches(host)}
        assert told == {(e.category, e.text, e.allow) for e in found}
    assert len(index) == len({entry.text for entry in entries})


@given(
    entries=st.lists(st.one_of(URLS, DOMAINS), max_size=12),
    asked=st.lists(st.tuples(SITES, PATHS), min_size=1, max_size=8),
)
def test_addresses_are_in_what_lists_say_of_them_and_of_their_host(index_of, entries, asked):
    index = index_of(*entries)

    for host, path in asked:
        found = [
            e for e in entries if (above(host, e.text) if e.kind is Kind.DOMAIN else below(f"{host}/{path}", e.text))
        ]
        assert index.of_url(host, path) == naive(found), (host, path)
        assert index.by_path(host) or index.of_url(host, path) == index.of(host)
        told = {(match.category, match.text, match.allow) for match in index.matches(host, path)}
        assert told == {(entry.category, entry.text, entry.allow) for entry in found}


def test_an_exception_holds_for_its_category_whether_it_stands_above_or_below(index_of):
    index = index_of(
        domain("games", "play.example"), domain("games", "school.play.example", allow=True),
        domain("games", "www.learn.example"), domain("games", "learn.example", allow=True),
        domain("vpn", "school.play.example"),
    )  # fmt: skip
    assert index.of("www.play.example") == {"games"}
    assert index.of("www.school.play.example") == {"vpn"}
    assert index.of("www.learn.example") == frozenset()
    assert index.matches("www.school.play.example") == (
        Match("vpn", Kind.DOMAIN, "school.play.example", False),
        Match("games", Kind.DOMAIN, "school.play.example", True),
        Match("games", Kind.DOMAIN, "play.example", False),
    )


@pytest.mark.parametrize(
    "path",
    [
        *("bad", "/bad/", "BAD/x", "%62ad?q", "//bad", "./x/../bad", "/bad?q=1", "bad&x", "b%61d/%2e%2e/bad;v=1"),
        *("bad#x", "\\bad", "x%3f/../bad", "x%3Fy=1/%2e%2E/bad", "/bad%3fq"),
        *(pytest.param(3000 * "./" + "bad", id="dots"), pytest.param("/" * 5000 + "bad/x", id="slashes")),
        pytest.param("%2e/" * 2000 + "bad", id="escaped dots"),
    ],
)
def test_a_listed_address_is_found_however_it_is_written(index_of, path):
    index = index_of(url("adult", "www.Host.example/Bad/".lower()))
    assert index.of_url("host.example", path) == {"adult"}
    assert index.of_url("www2.host.example", path) == {"adult"}


@pytest.mark.parametrize("path", ["", "badly", "x/bad", "?bad", "ba"])
def test_what_only_looks_like_a_listed_address_is_none(index_of, path):
    index = index_of(url("adult", "host.example/bad"))
    assert index.of_url("host.example", path) == frozenset()
    assert index.of_url("other.host.example", "bad") == frozenset()
    assert index.of("host.example") == frozenset()


def test_only_where_pages_or_expressions_are_listed_does_the_path_matter(index_of):
    index = index_of(url("adult", "www.host.example/bad"), domain("games", "play.example"))
    sites = ("host.example", "www2.host.example", "other.host.example", "play.example", "example")
    assert [site for site in sites if index.by_path(site)] == ["host.example", "www2.host.example"]
    assert all(map(index_of(Entry("adult", Kind.EXPRESSION, "sex")).by_path, sites))
    assert not any(map(Index.empty().by_path, sites))


def test_an_address_with_more_steps_than_are_looked_at_is_found_by_its_beginning(index_of):
    long = "/".join(map(str, range(100)))
    index = index_of(url("adult", f"host.example/{long}"))
    assert index.of_url("host.example", long) == {"adult"}
    assert index.of_url("host.example", "/" * 100_000) == frozenset()


def test_expressions_count_for_addresses_only_and_may_be_exceptions(index_of):
    index = index_of(
        Entry("adult", Kind.EXPRESSION, "(^|[-/.])sexy?[0-9]*(pics|bilder)"),
        Entry("adult", Kind.EXPRESSION, "sexualkunde", allow=True),
        url("games", "host.example/ok"),
    )
    assert index.of_url("host.example", "my-SEX12pics.html") == {"adult"}
    assert index.of_url("host.example", "ok/sexpics/sexualkunde") == {"games"}
    assert index.of("sexpics.example") == frozenset()
    assert index.matches("host.example", "sexpics") == (
        Match("adult", Kind.EXPRESSION, "(^|[-/.])sexy?[0-9]*(pics|bilder)", False),
    )


def test_expressions_that_cannot_be_taken_are_named_and_the_others_stay(tmp_path):
    entries = [Entry("adult", Kind.EXPRESSION, text) for text in ("(a", ".*", "good")]
    built = build(entries, tmp_path / "index")
    assert built.entries == 1
    assert built.refused == 2
    assert [entry.text for entry, _ in built.examples] == ["(a", ".*"]


def test_there_is_an_end_to_how_many_expressions_are_taken(tmp_path):
    entries = [Entry("adult", Kind.EXPRESSION, f"{number:04}" * 25) for number in range(60)]
    built = build(entries * 2, tmp_path / "index")
    assert built.entries == 50
    assert built.refused == 20
    assert "more than 5000 states" in built.examples[0][1]
    assert Index.open(tmp_path / "index").of_url("a.test", "0049" * 25) == {"adult"}


def test_there_is_an_end_to_how_many_expressions_are_looked_at(tmp_path):
    entries = [Entry("adult", Kind.EXPRESSION, f"({number}") for number in range(500)]
    built = build([*entries, Entry("adult", Kind.EXPRESSION, "good")], tmp_path / "index")
    assert (built.entries, built.refused) == (0, 501)


def test_each_build_has_another_key_and_identity(tmp_path):
    identities, hashes = set(), set()
    for _ in range(3):
        build([domain("adult", "a.test")], tmp_path / "index")
        index = Index.open(tmp_path / "index")
        identities.add(index.identity)
        hashes.add((tmp_path / "index").read_bytes()[-16:])
        assert index.names == ("adult",)
    assert len(identities) == len(hashes) == 3


def test_nothing_is_listed_in_the_empty_one(tmp_path):
    build([], tmp_path / "index")
    for index in (Index.empty(), Index.open(tmp_path / "index")):
        assert not len(index)
        assert not index.names
        assert index.of("a.test") == index.of_url("a.test", "b") == index.of("") == frozenset()
        assert not index.matches("a.test", "b")


def test_many_names_in_many_categories_are_all_found_and_no_others(tmp_path):
    names = [f"{number:x}.{number % 7}.example" for number in range(20_000)]
    entries = [domain(f"c{number % 300}", name) for number, name in enumerate(names)]
    entries += [domain(f"c{number % 11}", name) for number, name in enumerate(names)]
    build(entries, tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert len(index) == 20_000
    for number, name in enumerate(names):
        assert index.of(f"www.{name}") == {f"c{number % 300}", f"c{number % 11}"}
        assert index.of(f"not{name}") == frozenset()


def test_too_many_categories_are_refused_and_the_former_index_stays(tmp_path):
    build([domain("adult", "a.test")], tmp_path / "index")
    before = (tmp_path / "index").read_bytes()
    with pytest.raises(TooMany):
        build((domain(f"c{number}", "a.test") for number in itertools.count()), tmp_path / "index")
    assert (tmp_path / "index").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_too_many_names_are_refused_before_they_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "_MOST_NODES", 10)
    build([domain("adult", f"a{number}.test") for number in range(10)], tmp_path / "index")
    with pytest.raises(TooMany, match="an index holds 10 names"):
        build([domain("adult", f"a{number}.test") for number in range(11)], tmp_path / "index")
    assert len(Index.open(tmp_path / "index")) == 10


def test_bytes_that_are_no_text_harm_nothing(index_of):
    strange = b"\xff\xfe".decode(errors="surrogateescape")
    index = index_of(
        domain("adult", f"{strange}.example"), url("adult", f"host.example/{strange}"),
        Entry("adult", Kind.EXPRESSION, f"x{strange}"), domain("adult", "a.test"),
    )  # fmt: skip
    assert index.of_url("host.example", strange) == {"adult"}
    assert index.of_url("host.example", "%ff%FE/x") == {"adult"}
    assert index.of_url("host.example", f"ax{strange}") == {"adult"}
    assert index.of("a.test") == {"adult"}
    assert index.matches("host.example", strange)[0].category == "adult"


def test_names_whose_hashes_begin_alike_are_told_apart():
    key = new_key()
    shift = WIDTH - PRINT_BITS - REST_BITS
    node = key.hash(b"a.test") >> shift
    rests = (node ^ 1) & 0xFF, node & 0xFF
    prints = (node >> REST_BITS & 0xFFFFFFFF,) * 2
    values = (((0,), (), False), ((1,), (), False))
    head = Head(key, 0, 2, 2, False, ("first", "second"), values)
    for order in (1, -1):
        index = Index("", head, Tables((0, 2), prints, rests[::order], (0, 1)[::order]))
        assert index.of("a.test") == index.of_url("a.test", "") == {"second"}
    index = Index("", Head(key, 0, 1, 1, False, ("first",), values[:1]), Tables((0, 1), prints[:1], rests[:1], (0,)))
    assert index.of("a.test") == frozenset()


def test_keys_are_primes_of_one_width():
    for _ in range(5):
        key = new_key()
        assert is_prime(key.prime)
        assert key.prime.bit_length() == WIDTH
        assert 0 < key.factor < key.prime
    small = [number for number in range(3, 2000, 2) if is_prime(number)]
    assert small == [number for number in range(3, 2000, 2) if all(number % one for one in range(3, number, 2))]
    assert not any(map(is_prime, (3215031751, 3825123056546413051, 341550071728321)))
