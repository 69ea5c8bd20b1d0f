"""The reader of heads beside a plain one that goes byte by byte and line by line: they never differ."""

from hypothesis import example, given
from hypothesis import strategies as st

from appliance.daemon.http_head import NEAR, BadHead, request_head, response_head

NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
TEXT = frozenset([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
SEEN = frozenset(range(0x21, 0x7F))

REQUEST = (
    b"POST http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x/1 (y; z)\r\nConnection: keep-alive\r\n"
    b"Content-Length: 12\r\nCookie: a=b\r\nProxy-Authorization: Basic YTpi\r\nX-Empty:\r\nAccept: */*\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 200 All right\r\nServer: x\r\nTransfer-Encoding: chunked\r\nDate: Mon, 05 Jan 2026 08:00:00 GMT\r\n"
    b"Set-Cookie: a=b\r\nset-cookie: c=d\r\nKeep-Alive: 5\r\nConnection: close, x\r\nETag: \xe4\r\n\r\n"
)
NASTY = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xa0",
    b"\xff",
    b",",
    b";",
]
LINES = [
    b"Host: b",
    b"hOST:b",
    b"Content-Length: 3",
    b"content-length:4",
    b"Transfer-Encoding:\tchunked",
    b"TE: a ",
    b"Range: bytes=0-1",
    b"Trailers: no",
    b"A:",
    b" folded",
    b"X: \xe4\t\xa0 ",
    b"",
]

change = st.tuples(
    st.integers(0, 400),
    st.integers(0, 3),
    st.sampled_from(NASTY)
    | st.binary(min_size=1, max_size=3)
    | st.sampled_from(LINES).map(lambda line: b"\r\n" + line)
    | st.just(b""),
)


def mutated(raw: bytes) -> st.SearchStrategy[bytes]:
    """Heads like ``raw`` with a few bytes taken out, put in or replaced; some have another line only."""

    def changed(changes: list[tuple[int, int, bytes]], inserted: list[bytes]) -> bytes:
        lines = raw[:-2].split(b"\r\n")
        head = b"\r\n".join([lines[0], *inserted, *lines[1:]]) + b"\r\n"
        for place, length, new in changes:
            head = head[: place % len(head)] + new + head[place % len(head) + length :] if head else new
        return head

    return st.builds(changed, st.lists(change, max_size=3), st.lists(st.sampled_from(LINES), max_size=3))


@given(mutated(REQUEST))
@example(REQUEST)
def test_requests(raw):
    plain = plain_request(raw)
    try:
        head = request_head(raw)
    except BadHead:
        assert plain is None
        return
    assert ((head.method, head.target, head.minor), list(head.fields)) == plain
    check_sorted(head)


@given(mutated(RESPONSE))
@example(RESPONSE)
def test_responses(raw):
    plain = plain_response(raw)
    try:
        head = response_head(raw)
    except BadHead:
        assert plain is None
        return
    assert ((head.minor, head.status, head.phrase), list(head.fields)) == plain
    check_sorted(head)


@given(st.sampled_from(sorted(NEAR)), st.data())
def test_a_name_counts_in_any_case(name, data):
    written = "".join(data.draw(st.sampled_from([letter, letter.upper()])) for letter in name)
    head = response_head(f"HTTP/1.1 200 OK\r\n{written}: a\r\nx{written}: b\r\n{written}x:c\r\n\r\n".encode())
    assert head.near == {name: ("a",)}
    assert head.values(f"x{name}") == ["b"]
    assert head.far == f"\nx{written}: b\r\n{written}x: c\r"


def check_sorted(head):
    far = [f"\n{name}: {value}\r" for key, name, value in head.fields if key not in NEAR]
    assert head.far == "".join(far)
    for key in NEAR | {key for key, _, _ in head.fields} | {"none"}:
        assert head.values(key) == [value for name, _, value in head.fields if name == key]
    assert all(head.near.values())
    assert NEAR.issuperset(head.near)


def plain_request(raw: bytes):
    parts = plain_parts(raw)
    if parts is None:
        return None
    words = parts[0].split(b" ")
    if len(words) != 3 or not is_name(words[0], 32) or not words[1] or not SEEN.issuperset(words[1]):
        return None
    if len(words[2]) != 8 or words[2][:7] != b"HTTP/1." or words[2][7] not in b"0123456789":
        return None
    hosts = [key for key, _, _ in parts[1] if key == "host"]
    if len(hosts) > 1 or (not hosts and words[2][7:] != b"0"):
        return None
    return (words[0].decode(), words[1].decode(), 0 if words[2][7:] == b"0" else 1), parts[1]


def plain_response(raw: bytes):
    parts = plain_parts(raw)
    if parts is None or parts[0][:9] not in (b"HTTP/1.0 ", b"HTTP/1.1 "):
        return None
    status, phrase = parts[0][9:12], parts[0][12:]
    if len(status) != 3 or not frozenset(b"0123456789").issuperset(status) or status < b"100":
        return None
    if phrase[:1] not in (b"", b" ") or not TEXT.issuperset(phrase):
        return None
    return (int(chr(parts[0][7])), int(status), phrase.decode("latin-1").strip(" \t")), parts[1]


def plain_parts(raw: bytes):
    if not raw.endswith(b"\r\n\r\n"):
        return None
    lines = raw[:-4].split(b"\r\n")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not is_name(name, 256) or not TEXT.issuperset(value):
            return None
        fields.append((name.decode().lower(), name.decode(), value.decode("latin-1").strip(" \t")))
    return None if len(fields) > 100 else (lines[0], fields)


def is_name(name: bytes, longest: int) -> bool:
    return 0 < len(name) <= longest and NAME.issuperset(name)
