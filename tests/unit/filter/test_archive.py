"""What lists come in, made by people who mean no good."""

import gzip
import io
import tarfile

import pytest

from appliance.filter.archive import MEMBERS
from appliance.filter.lines import ListRefused
from appliance.filter.sources import Item, read
from tests.unit.filter.support_lists import bomb, member, packed

LARGEST = 2_000_000


@pytest.fixture
def of(tmp_path):
    """Gives the entries of a list of these bytes."""

    def entries(data, form="squidguard", categories=("games", "adult"), largest=LARGEST):
        path = tmp_path / "list"
        path.write_bytes(data)
        return [(one.category, one.text) for one in read(Item("/x", form, categories), path, largest)]

    return entries


GOOD = {"blacklists/games/domains": "a.example\n", "blacklists/games/urls": "b.example/x\n"}


def test_the_wanted_folders_of_an_archive_and_no_other(of):
    files = {
        **GOOD,
        "blacklists/games/usage": "black\n",
        "blacklists/press/domains": "de\n",
        "adult/domains": "c.example\n",
        "README": "no list",
    }
    assert of(packed(files)) == [("games", "a.example"), ("games", "b.example/x"), ("adult", "c.example")]
    assert of(gzip.decompress(packed(files))) == of(packed(files))


def test_links_within_are_passed_over(of):
    links = (
        member("blacklists/violence", tarfile.SYMTYPE, "agressif"),
        member("blacklists/x/domains", tarfile.SYMTYPE, "../games/domains"),
        member("blacklists/adult/domains", tarfile.LNKTYPE, "blacklists/games/domains"),
        member("blacklists", tarfile.DIRTYPE),
    )
    assert of(packed(GOOD, *links)) == [("games", "a.example"), ("games", "b.example/x")]


@pytest.mark.parametrize(
    "made",
    [
        member("../../etc/cron.d/games/domains", tarfile.REGTYPE),
        member("/etc/games/domains", tarfile.REGTYPE),
        member("games/../../domains", tarfile.REGTYPE),
        member("games/domains", tarfile.SYMTYPE, "/etc/shadow"),
        member("games/domains", tarfile.SYMTYPE, "../../shadow"),
        member("games/domains", tarfile.LNKTYPE, "../shadow"),
        member("games/domains", tarfile.CHRTYPE),
        member("games/domains", tarfile.FIFOTYPE),
        member("games/domains", tarfile.GNUTYPE_SPARSE),
    ],
    ids=lambda made: f"{made.name} {made.type!r}",
)
def test_what_leads_out_or_is_no_file_refuses_the_whole_archive(of, made):
    with pytest.raises(ListRefused, match=r"out of it|neither file|no list needs"):
        of(packed(GOOD, made))


def test_a_bomb_is_read_no_further_than_may_be(of):
    small = bomb(60_000_000)
    assert len(small) < 300_000
    with pytest.raises(ListRefused, match=r"more than 2,000,000 bytes"):
        of(small, "domains", ("games",))
    with pytest.raises(ListRefused, match=r"more than 2,000,000 bytes"):
        of(packed({"games/domains": b"a.example\n" * 1_000_000}))


def test_a_header_that_claims_to_be_huge_is_not_read(of):
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    with pytest.raises(ListRefused, match="no list needs"):
        of(header.tobuf() + b"9 a=bcdef" * 1000)


def after(header, kind):
    """A member with the content ``header`` of the type ``kind``, and a list after it."""
    made = tarfile.TarInfo("x")
    made.type, made.size = kind, len(header)
    return made.tobuf(tarfile.USTAR_FORMAT) + header.ljust(-(-len(header) // 512) * 512, b"\0")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_headers_upon_headers_refuse_the_archive_and_stop_nothing(of, kind):
    with pytest.raises(ListRefused, match="cut off or broken"):
        of(after(b"10 path=a\n", kind) * 1500 + gzip.decompress(packed(GOOD)))


@pytest.mark.parametrize(
    "told",
    [
        b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n",
        b"21 GNU.sparse.size=1\n",
        b"24 GNU.sparse.map=0,1,2\n25 GNU.sparse.realsize=1\n",
    ],
)
def test_the_map_of_a_sparse_file_is_not_read(of, told):
    with pytest.raises(ListRefused, match="no list needs"):
        of(after(told, tarfile.XHDTYPE) + gzip.decompress(packed({"games/domains": b"900000\n" + b"0\n" * 900_000})))


def test_too_many_members(of):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for number in range(MEMBERS + 1):
            archive.addfile(tarfile.TarInfo(f"x/{number}"))
    with pytest.raises(ListRefused, match="more than 10,000 files"):
        of(made.getvalue(), largest=1 << 30)


def test_what_is_cut_off_or_altered_is_refused_wherever(of):
    whole = packed({"games/domains": "".join(f"a{number}.example\n" for number in range(5000))})
    assert len(of(whole)) == 5000
    for end in range(1, len(whole) - 1, len(whole) // 60):
        with pytest.raises(ListRefused):
            of(whole[:end])
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0x10
    with pytest.raises(ListRefused):
        of(bytes(broken))
    broken = bytearray(whole)
    broken[-6] ^= 1  # the sum of gzip
    with pytest.raises(ListRefused):
        of(bytes(broken))


@pytest.mark.parametrize("data", [b"PK\x03\x04zip", b"\xfd7zXZ\x00", b"BZh9", b"\x28\xb5\x2f\xfdzs"])
def test_other_packings_are_named(of, data):
    with pytest.raises(ListRefused, match="it is packed with"):
        of(data)


def test_a_page_where_an_archive_should_be(of):
    with pytest.raises(ListRefused, match="cut off or broken"):
        of(b"<!DOCTYPE html>\n<title>Wartung</title>\n")


def test_a_packed_list_of_another_format(of):
    assert of(gzip.compress(b"0.0.0.0 a.example\n"), "hosts", ("ads",)) == [("ads", "a.example")]
