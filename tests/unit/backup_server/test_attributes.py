"""Access lists and extended attributes in one canonical text."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server.attributes import AccessList, Attributes, canonical, linux_list, rsync_list

RIGHTS = st.integers(0, 7)
NAMED = st.lists(
    st.tuples(st.sampled_from("ug"), st.integers(0, 2**32 - 2), RIGHTS), max_size=5, unique_by=lambda one: one[:2]
).map(lambda found: tuple(sorted(found)))
LISTS = st.builds(AccessList, user=RIGHTS, group=RIGHTS, mask=RIGHTS, other=RIGHTS, named=NAMED)


def linux(found: AccessList) -> bytes:
    whole = [(0x01, found.user, 0xFFFFFFFF), (0x04, found.group, 0xFFFFFFFF), (0x20, found.other, 0xFFFFFFFF)]
    whole += [(0x10, found.mask, 0xFFFFFFFF)] if found.mask is not None else []
    whole += [({"u": 0x02, "g": 0x08}[kind], rights, number) for kind, number, rights in found.named]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in whole)


def rsync(found: AccessList) -> bytes:
    mask = 0x80 if found.mask is None else found.mask
    named = [(number, rights | (1 << 31 if kind == "u" else 0)) for kind, number, rights in reversed(found.named)]
    return struct.pack("<IIII", 0x80, found.group, mask, 0x80) + b"".join(struct.pack("<II", *one) for one in named)


@given(LISTS)
def test_a_list_reads_alike_in_both_forms(found: AccessList) -> None:
    mode = found.user << 6 | (found.mask or 0) << 3 | found.other
    assert linux_list(linux(found)) == found
    assert rsync_list(rsync(found), mode) == found


@given(st.binary(max_size=40))
def test_other_bytes_are_a_list_or_an_error(value: bytes) -> None:
    for read in (linux_list, lambda given_value: rsync_list(given_value, 0o644)):
        with contextlib.suppress(ValueError):
            assert isinstance(read(value), AccessList)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=20), max_size=4))
def test_no_order_changes_the_text(xattrs: dict[str, bytes]) -> None:
    backwards = dict(reversed(xattrs.items()))
    assert canonical(None, None, xattrs) == canonical(None, None, backwards)


@pytest.mark.parametrize(
    "other",
    [
        Attributes(None, None, {"user.a": b"1"}),
        Attributes(None, None, {"user.a": b"1 2"}),
        Attributes(None, None, {"user.a": b"1", "user.b": b""}),
        Attributes(AccessList(6, 4, 4, 4), None, {}),
        Attributes(None, AccessList(6, 4, 4, 4), {}),
        Attributes(AccessList(6, 4, 4, 4, (("u", 7, 4),)), None, {}),
        Attributes(AccessList(6, 4, 4, 4, (("g", 7, 4),)), None, {}),
    ],
)
def test_what_differs_is_told_apart(other: Attributes) -> None:
    assert other.digest() != Attributes(None, None, {}).digest() == "-"
    assert other.digest() != Attributes(None, None, {"user.a": b"2"}).digest()
    assert len(other.digest()) == 32
