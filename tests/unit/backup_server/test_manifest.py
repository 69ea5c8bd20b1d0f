"""The two formats of a manifest, and what is refused of them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.backup_server import manifest
from appliance.backup_server.manifest import Entry, Index, ManifestError, Section, digest, escaped, path_of, unescaped

SALT = "00112233445566778899aabbccddeeff"
NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: not re.search(rb"[/\0]", name) and name not in (b".", b"..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from("flpsbc"),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 2**32 - 1),
    mtime_ns=st.integers(-(2**63) * 10**9, 2**63 * 10**9),
    size=st.integers(0, 2**62),
    content=HASHES | st.sampled_from("-?"),
    attributes=st.text("0123456789abcdef", min_size=32, max_size=32) | st.just("-"),
    path=PATHS,
)


def folder(path: bytes) -> Entry:
    return Entry("d", 0o2770, 5001, 5001, 1, 0, "-", "-", path)


def file(path: bytes, content: str = "0" * 64) -> Entry:
    return Entry("f", 0o640, 5001, 5001, 1, 3, content, "-", path)


def section(*entries: Entry) -> bytes:
    return Section.of("homes", "fred.mustermann", 5001, SALT, entries).encode()


@given(ENTRIES)
def test_a_line_is_read_as_it_was_written(entry: Entry) -> None:
    line = entry.line()
    assert b"\n" not in line
    assert Entry.read(line) == entry
    assert path_of(line) == entry.path


@given(st.binary())
@example(b"\\n\n\\\\")
def test_a_path_of_any_bytes_comes_back(path: bytes) -> None:
    assert unescaped(escaped(path)) == path
    assert b"\n" not in escaped(path)


@given(st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.path))
def test_a_section_is_read_as_it_was_written(entries: list[Entry]) -> None:
    taken = {entry.path for entry in entries}
    above = {entry.path[: found.start()] for entry in entries for found in re.finditer(b"/", entry.path)}
    whole = [entry for entry in entries if entry.path not in above]
    data = section(folder(b"."), *(folder(path) for path in above), *whole)
    found = Section.decode(data)
    assert found.encode() == data
    assert Section.trusted(data) == found
    assert {path_of(line) for line in found.lines} == {b"."} | above | taken


@given(st.binary(max_size=300))
@example(b"{}\n")
@example(b"[" * 5000 + b"\n")
def test_anything_else_is_refused_with_one_kind_of_error(data: bytes) -> None:
    for decode in (Section.decode, Index.decode):
        with pytest.raises(ManifestError):
            decode(data)


@pytest.mark.parametrize(
    "path",
    [b"..", b"../../x", b"/etc/passwd", b"a/../b", b"a/./b", b"./a", b"a//b", b"a/", b"", b"a\\x", b"a\0b", b"a\\"],
)
def test_a_path_that_leads_elsewhere_is_refused(path: bytes) -> None:
    head, *lines = section(folder(b"."), folder(b"a")).split(b"\n")
    bad = file(b"PATH").line().replace(b"PATH", path)
    with pytest.raises(ManifestError):
        Section.decode(b"\n".join((head, *lines[:-1], bad, b"")))
    with pytest.raises(ManifestError):
        Entry.read(bad)


@pytest.mark.parametrize(
    "entries",
    [
        (file(b"a"),),
        (folder(b"."), file(b"a"), file(b"a")),
        (folder(b"."), file(b"a"), file(b"a/b")),
        (folder(b"."), file(b"a/b")),
        (folder(b"."), folder(b".")),
        (folder(b"."), file(b"x" * 256)),
        (folder(b"."), *(folder(b"/".join([b"y" * 200] * depth)) for depth in range(1, 22))),
        (),
    ],
)
def test_a_section_that_is_no_tree_is_refused(entries: tuple[Entry, ...]) -> None:
    with pytest.raises(ManifestError):
        Section.decode(section(*entries))


def test_more_lines_than_there_may_be_are_refused_before_they_are_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_MOST_LINES", 3)
    monkeypatch.setattr(manifest, "_MOST_SECTIONS", 3)
    whole = section(folder(b"."), file(b"a"), file(b"b"))
    index = Index("goethe", "2026-01-01T00:00:00Z", None, None, frozenset({("homes", "0" * 64)})).encode()
    assert Section.decode(whole) and Index.decode(index)
    for decode, data in ((Section.decode, whole), (Section.trusted, whole), (Index.decode, index)):
        with pytest.raises(ManifestError, match="too long"):
            decode(data + b"\n" * 3)


def test_lines_out_of_order_are_refused() -> None:
    head, unit, one, other, end = section(folder(b"."), file(b"a"), file(b"b")).split(b"\n")
    with pytest.raises(ManifestError):
        Section.decode(b"\n".join((head, unit, other, one, end)))


@pytest.mark.parametrize("unit", ["..", ".hidden", "a/b", "", "a\nb", "x" * 256, "\udcff"])
def test_a_unit_with_a_strange_name_is_refused(unit: str) -> None:
    with pytest.raises(ManifestError):
        Section.decode(Section.of("homes", unit, None, SALT, [folder(b".")]).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"part": "etc"},
        {"part": None},
        {"part": ["homes"]},
        {"uid": -1},
        {"uid": True},
        {"uid": 2**32},
        {"uid": "0"},
        {"salt": "short"},
        {"salt": 5},
        {"unit": 7},
    ],
)
def test_a_strange_first_line_is_refused(change: dict[str, object]) -> None:
    given_section = {"part": "homes", "unit": "fred", "uid": None, "salt": SALT, **change}
    with pytest.raises(ManifestError):
        Section.decode(Section.of(**given_section, entries=[folder(b".")]).encode())  # type: ignore[arg-type]


@given(st.sets(st.tuples(st.sampled_from(["homes", "mail"]), HASHES), max_size=20))
def test_an_index_is_read_as_it_was_written_and_says_nothing_else(sections: set[tuple[str, str]]) -> None:
    index = Index("goethe", "2026-11-22T01:02:03+00:00", "2026-11-21T010203", "0" * 64, frozenset(sections))
    assert Index.decode(index.encode()) == index
    for line in index.encode().split(b"\n")[1:-1]:
        assert re.fullmatch(rb"[a-z]+ [0-9a-f]{64}", line)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"format":1', b'"format":2'),
        (b'"format":1', b'"format":true'),
        (b"goethe", b"../goethe"),
        (b"2026-11-21T010203", b"../../etc"),
        (b"2026-11-22T01:02:03+00:00", b"yesterday"),
        (b"homes ", b"dump "),
        (b"homes ", b"homes  "),
        (b"\n", b"\n\n"),
        (b'"dump":null', b'"dump":"x"'),
        (b'"dump":null', b'"dump":null,"more":1'),
    ],
)
def test_a_strange_index_is_refused(old: bytes, new: bytes) -> None:
    index = Index("goethe", "2026-11-22T01:02:03+00:00", "2026-11-21T010203", None, frozenset({("homes", "a" * 64)}))
    assert old in index.encode()
    with pytest.raises(ManifestError):
        Index.decode(index.encode().replace(old, new))


def test_the_salt_parts_equal_units() -> None:
    one = Section.of("homes", "fred", None, SALT, [folder(b".")]).encode()
    other = Section.of("homes", "fred", None, SALT[::-1], [folder(b".")]).encode()
    assert digest(one) != digest(other)
