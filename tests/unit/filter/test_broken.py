"""Files that are no index, or were one: refused with the reason, and the last good one stays."""

import os
import re
import sys
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.filter.build import build
from appliance.filter.current import Current
from appliance.filter.entry import Entry, Kind
from appliance.filter.index import Index
from appliance.filter.layout import BrokenIndex


def entries(count, category="adult"):
    return [Entry(category, Kind.DOMAIN, f"site{number}.example") for number in range(count)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "index"
    build(entries(50), target)
    return target.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("broken") / "index"


def refused(place, data):
    place.write_bytes(data)
    with pytest.raises(BrokenIndex) as error:
        Index.open(place)
    assert "site" not in error.value.reason
    return error.value.reason


def test_what_is_no_index(place, whole):
    assert refused(place, b"") == "it is empty"
    assert refused(place, b"site1.example\n" * 100) == "the first line is not that of an index"
    assert refused(place, whole[:100]) == "the first line is not that of an index"
    assert refused(place, os.urandom(10_000)) == "the first line is not that of an index"


def signed(whole, *changes):
    """Alter an index so that only its content tells."""
    for old, new in changes:
        assert old in whole
        whole = whole.replace(old, new, 1)
    line, mark, rest = whole.partition(b"\n")
    return line[:-64] + sha256(line[:-64] + rest).hexdigest().encode() + mark + rest


def test_one_of_another_format_or_machine(place, whole):
    assert refused(place, whole.replace(b"index 0001", b"index 0002", 1)) == "the checksum does not fit"
    assert refused(place, signed(whole, (b"index 0001", b"index 0002"))) == "format 2 is not known here; known: 1"
    other = {"little": "bigger", "big": "little"}[sys.byteorder]
    reason = refused(place, signed(whole, (sys.byteorder.encode(), other.encode())))
    assert reason == f"it was built on a machine with {other}-endian numbers"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"nodes":50', b'"nodes":49'), (b'"nodes"', b'"nodas"'), (b'"bits":4', b'"bits":5'), (b'{"or', b'["or'),
        (b'"bits":4', b'"bits":"'), (b"[[0],[]", b"[[1],[]"), (b'"key":[', b'"key":0'), (b'"names":[', b'"names":0'),
        (b'"key":[', b'"key":[-'),
    ],
)  # fmt: skip
def test_one_whose_content_is_not_what_it_should_be(place, whole, old, new):
    if len(new) > len(old):
        old += re.search(re.escape(old) + b"(.)", whole)[1]
    assert refused(place, signed(whole, (old, new))) == "the content is not what its format says"


def test_one_whose_tables_do_not_belong_together(place, whole):
    last_start = whole.index(b"\n") + 1 + int(whole.split()[2]) + 4 * (1 << 4)
    assert whole[last_start] == 50
    altered = whole[:last_start] + b"\x31" + whole[last_start + 1 :]
    assert refused(place, signed(altered)) == "the content is not what its format says"


@given(st.data())
def test_one_that_was_cut_or_went_on(place, whole, data):
    cut = data.draw(st.integers(0, len(whole) - 1))
    refused(place, whole[:cut])
    assert "bytes are there" in refused(place, whole + b"\0" * (1 + cut))


@given(st.data())
def test_one_of_which_any_byte_was_altered(place, whole, data):
    at, bits = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    refused(place, whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])


def test_an_index_is_nowhere(place):
    with pytest.raises(FileNotFoundError):
        Index.open(place.with_name("nowhere"))
    with pytest.raises(IsADirectoryError):
        Index.open(place.parent)


def test_the_last_good_one_stays_until_there_is_another(tmp_path, whole):
    place = tmp_path / "index"
    current = Current(place)
    assert not len(current.index)
    assert not current.problem
    assert not current.wait()
    build(entries(50), place)
    assert current.wait()
    assert current.index.of("site1.example") == {"adult"}
    assert not current.look()
    broken = place.with_name("broken")
    broken.write_bytes(whole[:-1])
    broken.rename(place)
    assert not current.wait()
    assert "bytes are there" in current.problem
    assert current.index.of("site1.example") == {"adult"}
    place.unlink()
    assert not current.wait()
    assert len(current.index) == 50
    build(entries(3, "games"), place)
    assert current.wait()
    assert not current.problem
    assert current.index.of("site1.example") == {"games"}


def test_one_that_may_not_be_read_is_told(tmp_path):
    place = tmp_path / "index"
    place.symlink_to(tmp_path)
    current = Current(place)
    assert current.problem == "the index of the lists cannot be read (Is a directory)"
