"""HTTPS records: one as a large site publishes it, and others made by hand."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.https_record import BadRecord, HttpsRecord, https_record, keys

# What crypto.cloudflare.com has published for names that share cloudflare-ech.com.
PUBLISHED = b64decode(
    "AEX+DQBB8QAgACBl2nj6LhmbUqJJseiydASRUkdmEQGq/u/e5fXDLsFJSAAEAAEAAQASY2xvdWRmbGFyZS1lY2guY29tAAA="
)
KEY = (0xF1, "cloudflare-ech.com")
ALPN = b"\0\1\0\6\2h3\2h2"
HINT = b"\0\4\0\4\xc0\0\2\1"


def ech(configs: bytes) -> bytes:
    return b"\0\5" + len(configs).to_bytes(2, "big") + configs


def config(config_id: int, version: int = 0xFE0D, name: bytes = b"a.example") -> bytes:
    inner = bytes([config_id]) + b"\0\x20\0\x20" + bytes(32) + b"\0\4\0\1\0\1" + b"\0"
    inner += bytes([len(name)]) + name + b"\0\0"
    return version.to_bytes(2, "big") + len(inner).to_bytes(2, "big") + inner


def listed(*configs: bytes) -> bytes:
    whole = b"".join(configs)
    return len(whole).to_bytes(2, "big") + whole


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"\0\1\0" + ALPN + HINT + ech(PUBLISHED), HttpsRecord(False, "", frozenset({KEY}))),
        (b"\0\1\0" + ALPN + HINT, HttpsRecord(False, "", frozenset())),
        (b"\0\1\0", HttpsRecord(False, "", frozenset())),
        (b"\0\2\3WWW\7example\0" + ech(PUBLISHED), HttpsRecord(False, "www.example", frozenset({KEY}))),
        (b"\0\0\3www\7example\0", HttpsRecord(True, "www.example", frozenset())),
        (b"\0\0\0" + ech(PUBLISHED), HttpsRecord(True, "", frozenset())),
    ],
)
def test_what_a_record_says(data: bytes, wanted: HttpsRecord) -> None:
    assert https_record(data) == wanted


def test_every_key_of_the_version_in_use_counts() -> None:
    several = listed(config(7), config(9, version=0xFE0A), config(200), config(7), config(7, name=b"B.example"))
    assert keys(several) == {(7, "a.example"), (200, "a.example"), (7, "b.example")}
    assert keys(listed()) == frozenset()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0\1",
        b"\0\1\3ww",
        b"\0\1\3www",
        b"\0\1\xc0\x0c",
        b"\0\1" + b"\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 5 + b"\0",
        b"\0\1\2\xff\xff\0",
        b"\0\1\0\0",
        b"\0\1\0" + ALPN[:-1],
        b"\0\1\0" + HINT + ALPN,
        b"\0\1\0" + ALPN + ALPN,
        b"\0\1\0" + ech(PUBLISHED)[:-1],
        b"\0\1\0" + ech(b""),
        b"\0\1\0" + ech(PUBLISHED[:-1]),
        b"\0\1\0" + ech(PUBLISHED + b"\0"),
        b"\0\1\0" + ech(listed(config(1)[:-1])),
        b"\0\1\0" + ech(listed(config(1, name=b""))),
        b"\0\1\0" + ech(listed(config(1, name=b"\xff.example"))),
        b"\0\1\0" + ech(listed(b"\xfe\x0d\0\x10" + config(1)[4:20])),
        b"\0\1\0" + ech(listed(b"\xfe\x0d\0\0")),
        b"\0\1\0" + ech(listed(b"\xfe\x0d\0\7\1\0\x20\0\0\0\0")),
        b"\0\1\0" + ech(listed(b"\xfe\x0d\0\x08\1\0\x20\0\xff\0\0\0")),
    ],
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(BadRecord):
        https_record(data)


@given(st.binary(max_size=100), st.integers(0, 120), st.integers(0, 3))
def test_any_bytes_are_a_record_or_refused(noise: bytes, at: int, gone: int) -> None:
    whole = b"\0\1\0" + ALPN + HINT + ech(PUBLISHED)
    for data in (noise, b"\0\1\0" + noise, whole[:at] + noise[:3] + whole[at + gone :]):
        try:
            assert {config_id for config_id, _public in https_record(data).keys} <= set(range(256))
        except BadRecord:
            continue
