import pytest

from appliance.daemon.texts import language_of, translator


def test_without_a_translation_the_text_stays(tmp_path):
    assert translator("xx", tmp_path)("Sign in") == "Sign in"
    assert translator("en")("Sign in") == "Sign in"


def test_a_translation(tmp_path):
    catalogue = tmp_path / "de" / "LC_MESSAGES" / "schoolserver.mo"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_bytes(_mo({"": "Content-Type: text/plain; charset=UTF-8\n", "Sign in": "Anmelden (ü)"}))
    assert translator("de", tmp_path)("Sign in") == "Anmelden (ü)"
    assert translator("de", tmp_path)("Sign out") == "Sign out"


def _mo(messages):
    """A catalogue as msgfmt writes it."""
    import struct

    pairs = [(key.encode() + b"\0", value.encode() + b"\0") for key, value in sorted(messages.items())]
    start = 28 + 16 * len(pairs)
    data, tables = b"", ([], [])
    for column, table in enumerate(tables):
        for pair in pairs:
            table += [len(pair[column]) - 1, start + len(data)]
            data += pair[column]
    numbers = [0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0, *tables[0], *tables[1]]
    return struct.pack(f"<{len(numbers)}I", *numbers) + data


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ([], "de"),
        (["fr"], "de"),
        (["en"], "en"),
        (["en-GB, de;q=0.5"], "en"),
        (["en;q=0.3", "de-AT;q=0.9"], "de"),
        (["en;q=0"], "de"),
        (["en;q=x, *"], "de"),
        (["en;q=5"], "de"),
    ],
)
def test_language(wanted, language):
    assert language_of(wanted, "de") == language
