"""The steps from one section's lines to another's, carried out on a folder that is a dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server.manifest import Entry, Section
from appliance.backup_server.merge import above, change

SALT = "0" * 32
NAMES = st.sampled_from([b"a", b"a-", b"b", b"a\n", b"\xff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
KINDS = st.tuples(st.sampled_from("dfl"), st.integers(0, 2))


def lines_of(found: dict[bytes, tuple[str, int]]) -> tuple[bytes, ...]:
    """A tree of these, as far as it is one: what lies in a file is left out."""
    entries = {b".": Entry("d", 0o700, 1, 1, 1, 0, "-", "-", b".")}
    for path in sorted(found):
        kind, version = found[path]
        parent = entries.get(above(path))
        if parent is not None and parent.kind == "d":
            content = "-" if kind == "d" else f"{version:064}"
            entries[path] = Entry(kind, 0o600, 1, 1, version, 0, content, "-", path)
    return Section.of("homes", "fred", None, SALT, entries.values()).lines


TREES = st.dictionaries(PATHS, KINDS, max_size=8).map(lines_of)


@given(TREES, TREES, st.sets(st.integers(0, 8)))
def test_the_steps_lead_from_one_to_the_other(base, new, numbers):
    lacking = [line for number, line in enumerate(base) if number in numbers]
    held = {Entry.read(line).path: line for line in base}
    steps = change(base, new, lacking)
    for path, is_folder in steps.removed:
        assert held.pop(path).startswith(b"d ") == is_folder
        assert all(above(other) != path for other in held), "a folder goes when it is empty"
    for entry in steps.folders:
        assert entry.path == b"." or above(entry.path) in held
        assert held.get(entry.path, b"d ").startswith(b"d ")
        held[entry.path] = entry.line()
    for entry in steps.others:
        assert entry.path not in held
        held[entry.path] = entry.line()
    assert sorted(held.values()) == sorted(new)
    written = {above(path) for path, _ in steps.removed} | {above(one.path) for one in steps.others} - {b""}
    for path in (one for one in written & held.keys() if held[one].startswith(b"d ")):
        assert steps.times[path] == Entry.read(held[path]).mtime_ns


@given(TREES)
def test_what_is_the_same_costs_no_step(tree):
    steps = change(tree, tree)
    assert not (steps.removed or steps.folders or steps.others or steps.times)


@pytest.mark.parametrize(("path", "folder"), [(b".", b""), (b"a", b"."), (b"a/b/c", b"a/b")])
def test_the_folder_above(path, folder):
    assert above(path) == folder
