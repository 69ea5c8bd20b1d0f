"""Sealed envelopes: only the holder of the key reads them, and nothing odd passes."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PublicKey, SealedBox

from appliance.auth.envelope import BrokenEnvelope, Keys, seal

texts = st.text(max_size=40)  # without surrogates
KEYS = Keys.generate()


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(texts, texts) | st.lists(st.dictionaries(texts, texts)))
def test_what_was_sealed_is_opened(value: dict[str, str] | list[dict[str, str]]) -> None:
    assert KEYS.open(seal(value, KEYS.public)) == value


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BrokenEnvelope):
        Keys.generate().open(seal({"login": "fred"}, KEYS.public))


@settings(max_examples=50, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_an_altered_envelope_is_broken(place: int, change: int) -> None:
    data = bytearray(base64.b64decode(seal({"old": "a", "new": "b"}, KEYS.public)))
    data[place % len(data)] ^= change
    with pytest.raises(BrokenEnvelope):
        KEYS.open(base64.b64encode(data).decode())


@pytest.mark.parametrize("text", ["", "no base64!", "aGFsbG8=", "ä", "AAAA" * 100])
def test_what_is_no_envelope_is_broken(text: str) -> None:
    with pytest.raises(BrokenEnvelope):
        KEYS.open(text)


@pytest.mark.parametrize("value", [1, None, "text", ["text"], {"a": 1}, [{"a": None}], {"a": {"b": "c"}}])
def test_what_holds_something_else_is_broken(value: object) -> None:
    key = PublicKey(base64.b64decode(KEYS.public))
    text = base64.b64encode(SealedBox(key).encrypt(json.dumps(value).encode())).decode()
    with pytest.raises(BrokenEnvelope):
        KEYS.open(text)


@pytest.mark.parametrize("key", ["", "short", "aGFsbG8=", "ä" * 44, base64.b64encode(b"x" * 33).decode()])
def test_a_recipient_that_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(BrokenEnvelope):
        seal({}, key)


def test_two_envelopes_with_the_same_content_differ() -> None:
    assert seal({"a": "b"}, KEYS.public) != seal({"a": "b"}, KEYS.public)
