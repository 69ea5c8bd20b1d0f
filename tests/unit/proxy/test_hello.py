"""The first bytes of TLS: hellos of real programs (``hellos.txt``), hellos made by hand, and bytes that are none."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.hello import HELLO_MAX, Hello, NotTls, Reading, alert

_LINES = Path(__file__).with_name("hellos.txt").read_text(encoding="ascii").splitlines()
REAL = {
    how.split()[1] + f" {number}": bytes.fromhex(data)
    for number, (how, data) in enumerate(pairwise(_LINES[2:]))
    if how.startswith("#")
}


def client_hello(data: bytes | bytearray) -> Hello | None:
    return Reading().look(data)


def sized(body: bytes, width: int = 2) -> bytes:
    return len(body).to_bytes(width, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + sized(body)


def names(*each: bytes, kind: int = 0) -> bytes:
    return extension(0, sized(b"".join(bytes([kind]) + sized(one) for one in each)))


def outer(config_id: int, key: bytes = bytes(32), payload: bytes = bytes(144)) -> bytes:
    return extension(0xFE0D, b"\0\0\1\0\1" + bytes([config_id]) + sized(key) + sized(payload))


def handshake(*extensions: bytes, version: bytes = b"\3\3", session: bytes = b"", ciphers: bytes = b"\x13\1") -> bytes:
    body = version + bytes(32) + sized(session, 1) + sized(ciphers) + b"\1\0"
    return b"\1" + sized(body + sized(b"".join(extensions)) if extensions else body, 3)


def record(payload: bytes, version: bytes = b"\3\1", kind: int = 22) -> bytes:
    return bytes([kind]) + version + sized(payload)


def hello(*extensions: bytes) -> bytes:
    return record(handshake(*extensions))


GREASE = extension(0x0A0A, b"") + extension(0xBABA, b"\0")
NAMED = hello(GREASE, names(b"www.example.org"), extension(23, b""))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (hello(), Hello(None, None)),
        (hello(GREASE), Hello(None, None)),
        (NAMED, Hello("www.example.org", None)),
        (NAMED + record(b"early", kind=23), Hello("www.example.org", None)),
        (hello(names(b"WWW.Example.ORG")), Hello("www.example.org", None)),
        (hello(names(b"www.example.org.")), Hello("www.example.org", None)),
        (hello(names(b"xn--mnchen-3ya.example")), Hello("xn--mnchen-3ya.example", None)),
        (hello(names(b"_a-b.1.2x")), Hello("_a-b.1.2x", None)),
        (hello(names(b"localhost")), Hello("localhost", None)),
        (hello(names(b"a" * 63 + b"." + b"b" * 63)), Hello("a" * 63 + "." + "b" * 63, None)),
        (hello(outer(200), names(b"a.example")), Hello("a.example", 200)),
        (hello(outer(0)), Hello(None, 0)),
        (hello(outer(7, key=b""), names(b"a.example")), Hello("a.example", 7)),
        (hello(extension(0xFE0D, b"\1"), names(b"a.example")), Hello("a.example", None)),
        (hello(extension(0xFFCE, bytes(300))), Hello(None, Hello.ESNI)),
        (hello(extension(0xFFCE, b""), outer(3)), Hello(None, Hello.ESNI)),
        (record(handshake(version=b"\3\1"), b"\3\1"), Hello(None, None)),
        (record(handshake(version=b"\3\2"), b"\3\2"), Hello(None, None)),
        (record(handshake(session=bytes(32)), b"\3\3"), Hello(None, None)),
    ],
)
def test_what_a_hello_tells(data: bytes, wanted: Hello) -> None:
    assert client_hello(data) == wanted


def cut(body: bytes, at: int, change: int) -> bytes:
    """Change one byte that counts others."""
    return body[:at] + bytes([(body[at] + change) % 256]) + body[at + 1 :]


@pytest.mark.parametrize(
    "data",
    [
        hello(names()),
        hello(names(b"a.example", b"b.example")),
        hello(names(b"a.example", kind=1)),
        hello(names(b"a.example"), names(b"a.example")),
        hello(names(b"")),
        hello(names(b".")),
        hello(names(b"a.example..")),
        hello(names(b"a..example")),
        hello(names(b".example")),
        hello(names(b"a\0.example")),
        hello(names(b"a.example\0")),
        hello(names(b"a.example\n")),
        hello(names(b"a b.example")),
        hello(names("münchen.example".encode())),
        hello(names(b"a.example:443")),
        hello(names(b"192.0.2.1")),
        hello(names(b"192.0.2.1.")),
        hello(names(b"0x7f.1")),
        hello(names(b"a.0x7f")),
        hello(names(b"2130706433")),
        hello(names(b"2001:db8::1")),
        hello(names(b"[2001:db8::1]")),
        hello(names(b"*.example")),
        hello(names(b"a" * 64)),
        hello(names(b".".join([b"a" * 49] * 5) + b".aaaa")),
        hello(extension(0, b"")),
        hello(extension(0, b"\0")),
        hello(extension(0, sized(b"\0" + sized(b"a.example") + b"\0"))),
        hello(extension(0, sized(b"\0\0\5a.example"))),
        hello(extension(0, sized(b"\0" + sized(b"a.example")) + b"\0")),
        hello(outer(1), outer(1)),
        hello(outer(1), extension(0xFE0D, b"\1")),
        hello(extension(0xFE0D, b"")),
        hello(extension(0xFE0D, b"\2")),
        hello(extension(0xFE0D, b"\1\0")),
        hello(outer(1, payload=b"")),
        hello(cut(outer(1), 11, 1)),
        hello(cut(outer(1), 11, 150)),
        hello(extension(23, b"") + b"\0"),
        hello(extension(23, b"") + b"\0\1\0\5"),
        record(b"\1" + sized(handshake()[4:] + b"\0", 3)),
        record(b"\1" + sized(handshake()[4:] + sized(b"")[:1], 3)),
        record(b"\1" + sized(handshake()[4:] + b"\0\1", 3)),
        record(handshake() + b"\0"),
        record(handshake() + handshake()),
        record(handshake(version=b"\3\0")),
        record(handshake(version=b"\3\4")),
        record(handshake(version=b"\2\3")),
        record(handshake(session=bytes(33))),
        record(handshake(ciphers=b"")),
        record(handshake(ciphers=b"\x13")),
        record(cut(handshake(GREASE), 38, 200)),
        record(cut(handshake(GREASE), 40, 254)),
        record(cut(handshake(), 43, -1)),
        record(cut(handshake(), 43, 1)),
        record(b"\1" + sized(bytes(40), 3)),
        record(handshake(GREASE), b"\3\4"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(NotTls):
        client_hello(data)
    with pytest.raises(NotTls):
        client_hello(data + bytes(100))


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0",
        b"\x80\x2e\1\3\1",  # SSLv2
        b"\x15\3\1",
        b"\x16\2",
        b"\x16\x16",
        b"\x16\3\0",
        b"\x16\3\4",
        b"\x16\3\1\0\0",
        b"\x16\3\1\x40\1",
        b"\x16\3\1\1\0\2",  # a ServerHello
        b"\x16\3\1\1\0\1\0\0\5",
        b"\x16\3\1\1\0\1\0\x80\0",
        b"\x16\3\1\1\0\1\1\0\0",
        record(b"\1") + b"\x15",
        record(b"\1") + record(b""),
        record(b"\1") + record(b"\0\xff") + record(b"\xff"),
    ],
)
def test_what_can_become_no_hello_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(NotTls):
        client_hello(data)


@pytest.mark.parametrize("data", [*REAL.values(), NAMED], ids=[*REAL, "by hand"])
def test_while_a_byte_is_missing_nothing_is_said(data: bytes) -> None:
    reading = Reading()
    for end in range(len(data)):
        assert client_hello(data[:end]) is None
        assert reading.look(data[:end]) is None
    assert client_hello(data) == reading.look(data)
    assert client_hello(data) is not None


@pytest.mark.parametrize("data", [*REAL.values(), NAMED], ids=[*REAL, "by hand"])
def test_records_may_be_split_anywhere(data: bytes) -> None:
    wanted = client_hello(data)
    for at in range(6, len(data)):
        assert client_hello(record(data[5:at]) + record(data[at:], b"\3\3")) == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_records_may_be_tiny_and_come_byte_by_byte(size: int) -> None:
    pieces = b"".join(record(NAMED[at : at + size]) for at in range(5, len(NAMED), size))
    assert client_hello(pieces) == client_hello(NAMED)
    reading, came = Reading(), bytearray()
    for byte in pieces[:-1]:
        came.append(byte)
        assert reading.look(came) is None
    assert reading.look(pieces) == client_hello(NAMED)


def test_a_hello_has_a_longest_size() -> None:
    long = handshake(extension(21, bytes(30000)))
    whole = record(long[:16384]) + record(long[16384:])
    assert client_hello(whole) == Hello(None, None)
    with pytest.raises(NotTls):
        client_hello(record(handshake(extension(21, bytes(HELLO_MAX)))[:100]))
    tiny = b"".join(record(bytes([byte])) for byte in long)
    with pytest.raises(NotTls):
        client_hello(tiny[:HELLO_MAX])


def test_real_programs_name_the_server() -> None:
    told = [client_hello(data) for data in REAL.values()]
    assert [one.name for one in told if one] == [
        *["site.example"] * 2,
        None,
        *["site.example"] * 2,
        None,
        "site.example",
        "localhost",
    ]


def test_a_browser_carries_noise_under_another_id_each_time() -> None:
    ids = {one.encrypted for how, data in REAL.items() if how.startswith("chromium") and (one := client_hello(data))}
    assert len(ids) == 2 and None not in ids


def test_alerts() -> None:
    assert alert(112) == bytes.fromhex("15030300020270")
    assert alert(49) == bytes.fromhex("15030300020231")


def read(data: bytes) -> Hello | None | str:
    try:
        return client_hello(data)
    except NotTls as error:
        return str(error)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(record))
def test_any_bytes_are_a_hello_or_none_or_refused(data: bytes) -> None:
    assert read(data) is not None or len(data) < 5 + 5 + int.from_bytes(data[3:5], "big")


@given(st.sampled_from([*REAL.values(), NAMED]), st.data())
def test_damaged_hellos_are_read_or_refused_and_in_pieces_the_same_way(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(changed) - 1))
        changed[at : at + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
        changed = changed or bytearray(b"\x16")
    found = read(bytes(changed))
    assert found is None or isinstance(found, Hello | str)
    if isinstance(found, Hello) and found.name is not None:
        assert found.name.encode() in bytes(changed).lower()
    reading, split = Reading(), len(changed) // 2
    try:
        inner = reading.look(changed[:split]) or reading.look(changed)
    except NotTls:
        assert isinstance(found, str)
    else:
        assert inner == found
