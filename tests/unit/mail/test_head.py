"""The head of a message is read in one way or not at all."""

import pytest

from appliance.mail.head import Field, Malformed, end_of_head, read_fields


def test_fields_are_unfolded_and_named_in_lower_case() -> None:
    head = b"FROM: a\r\n\tb\r\nSubject:\r\nX-Y:  z \r\n\r\n"
    assert read_fields(head) == (Field("from", b"a\tb"), Field("subject", b""), Field("x-y", b"z"))


@pytest.mark.parametrize(
    "head",
    [
        b"From : a\r\n",
        b"From a\r\n",
        b" From: a\r\n",
        b"A: b\r\n \r\nFrom: c\r\n",
        b"A: b\r\n\t \r\n",
        b"A: b\0\r\n",
        b"A: b\x1b[2J\r\n",
        b"A: b\x7f\r\n",
        b"A: b\rC: d\r\n",
        "A: \u0085\u009b31m\r\n".encode(),
        b"A: \xe4\x9b\r\n",
        b"A: b\r\n \x08c\r\n",
        b"A: =?utf-8?q?=1B[2J?=\r\n",
        b"A: x =?UTF-8?B?DQpCY2M6IGE=?= y\r\n",
        b"A: =?latin-1?q?=9B?=\r\n",
        b": b\r\n",
        b"F\xc3\xa4: b\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_malformed(head: bytes) -> None:
    with pytest.raises(Malformed):
        read_fields(head)


def test_the_end_of_the_head() -> None:
    assert end_of_head(b"a: b\r\n\r\nbody\r\n\r\n") == 8
    assert end_of_head(b"\r\nbody") == 2
    assert end_of_head(b"a: b\r\n") is None


@pytest.mark.parametrize(
    "value",
    [
        b"a\tb",
        "Grüße €".encode(),
        b"Gr\xfc\xdfe",
        b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        b"=?utf-8?b?A?=",
        b"=?x-none?q?=9B?=",
    ],
)
def test_tabs_letters_and_what_nobody_can_decode_are_fine(value: bytes) -> None:
    assert read_fields(b"A: " + value + b"\r\n") == (Field("a", value),)


def test_a_field_keeps_its_bytes() -> None:
    head = b"FROM: a\r\n\tb\r\nSubject:\r\nX-Y:  z \r\n"
    assert b"".join(field.raw + b"\r\n" for field in read_fields(head)) == head


def test_a_head_made_to_be_slow_is_read_at_once() -> None:
    assert len(read_fields(b"A: " + b"=?a?q?" * 40_000 + b"\r\n")) == 1


@pytest.mark.parametrize(
    ("line", "most"), [(b"a: b\r\n", 1000), (b"a: =?utf-8?q?=41?=\r\n", 1000), (b"=?utf-8?q?=41?= ", 5000)]
)
def test_what_no_program_writes_is_not_looked_at(line: bytes, most: int) -> None:
    """Each of them would hold up everybody else on the same worker."""
    first = b"" if line.startswith(b"a:") else b"a: b "
    assert read_fields(first + line * most + b"\r\n")
    with pytest.raises(Malformed):
        read_fields(first + line * (most + 1) + b"\r\n")
