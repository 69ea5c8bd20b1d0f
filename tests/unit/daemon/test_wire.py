import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.daemon.wire import Lines, Refusal, Reply, Request, WireError

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=4)
IDS = st.integers(0, 2**63 - 1)


@given(st.builds(Request, IDS, TEXT, OBJECTS))
@settings(max_examples=60)
def test_a_request_survives_the_wire(request):
    line = request.encode()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Request.decode(line[:-1]) == request


@given(st.builds(Reply, IDS, OBJECTS) | st.builds(Reply, IDS | st.none(), st.builds(Refusal, TEXT, TEXT)))
@settings(max_examples=60)
def test_a_reply_survives_the_wire(reply):
    assert Reply.decode(reply.encode()[:-1]) == reply


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=40)
def test_whatever_arrives_is_read_or_a_wire_error(line):
    for decode in (Request.decode, Reply.decode):
        try:
            decode(line)
        except WireError as error:
            assert line.decode(errors="replace")[:20] not in str(error) or len(line) < 3


@pytest.mark.parametrize(
    "line",
    [b"[" * 60_000, b'{"a":' * 10_000, b"9" * 5000, b'{"id":1e400,"verb":"x","arguments":{}}', b'{"id":1,"result":[]}'],
)
def test_nasty_ones(line):
    with pytest.raises(WireError):
        Request.decode(line)
    with pytest.raises(WireError):
        Reply.decode(line)


def test_what_json_cannot_carry():
    with pytest.raises(ValueError, match="Out of range"):
        Request(1, "x", {"n": float("nan")}).encode()
    with pytest.raises(TypeError):
        Request(1, "x", {"n": object()}).encode()
    with pytest.raises(ValueError, match="surrogates"):
        Request(1, "x", {"n": "\ud800"}).encode()


@given(st.lists(st.binary(max_size=12).filter(lambda piece: b"\n" not in piece), max_size=8), st.data())
@settings(max_examples=80)
def test_lines_do_not_depend_on_how_the_bytes_arrive(pieces, data):
    stream = b"".join(piece + b"\n" for piece in pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    lines, got = Lines(limit=8), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += lines.feed(stream[start:end])
    assert got == [piece if len(piece) <= 8 else None for piece in pieces]


def test_an_endless_line_takes_no_memory_and_is_reported_once():
    lines = Lines(limit=10)
    got = [line for _ in range(1000) for line in lines.feed(b"x" * 1000)]
    assert got == [None]
    assert list(lines.feed(b"\nnext\n")) == [b"next"]
