"""What leaves is signed as RFC 6376 says: another implementation finds the same."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest
from dkim.canonicalization import Simple
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.outside.dkim_key import NoSignature, SigningKey, body_digest

HEAD = b"From: Frida <frida@schule.example>\r\nTo: a@b.c\r\nSubject:  two\r\n  lines\r\nDate: today\r\nX: y\r\n\r\n"
lines = st.lists(st.sampled_from([b"", b" ", b"a", b"\t x  ", b".", b"\xc3\xa4"]), max_size=12)


@given(lines.map(lambda parts: b"".join(part + b"\r\n" for part in parts)), st.integers(1, 5))
def test_a_body_in_pieces_has_the_digest_of_the_whole(body: bytes, width: int) -> None:
    pieces = [body[at : at + width] for at in range(0, len(body), width)]
    assert body_digest(pieces) == hashlib.sha256(Simple.canonicalize_body(body)).digest()


def test_a_body_of_many_empty_lines() -> None:
    body = b"x\r\n" + b"\r\n" * 10_000 + b"y\r\n" + b"\r\n" * 9000
    assert body_digest([body]) == hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningKey]:
    made = SigningKey(tmp_path_factory.mktemp("state") / "dkim", "school2026", "schule.example")
    made.make()
    yield made


@pytest.mark.parametrize("body", [b"", b"Hallo\r\n", b"a \t b \r\n\r\n\r\n"])
def test_another_implementation_verifies_it(key: SigningKey, body: bytes) -> None:
    message = key.signature(HEAD, [body]) + HEAD + body
    record = key.record().encode()

    def verified(received: bytes) -> bool:
        return bool(
            dkim.verify(received, dnsfunc=lambda name, timeout=5: record if name[:-1] == key.name.encode() else b"")
        )

    assert verified(message)
    assert verified(message.replace(b"Subject:  two\r\n  lines", b"subject: two lines")), "folding may change"
    assert not verified(message + b"more\r\n") and not verified(message.replace(b"To: a@", b"To: b@"))
    for added in (b"From: x@y.z\r\n", b"Subject: z\r\n", b"Date: z\r\n"):
        assert not verified(added + message) and not verified(message.replace(HEAD, added + HEAD))
    assert all(len(line) < 200 for line in message.split(b"\r\n"))


def test_the_key_stays(key: SigningKey) -> None:
    record = key.record()
    key.make()
    assert key.record() == record


def test_without_a_key_there_is_no_signature(tmp_path: Path) -> None:
    with pytest.raises(NoSignature):
        SigningKey(tmp_path, "x", "schule.example").signature(HEAD, [])
