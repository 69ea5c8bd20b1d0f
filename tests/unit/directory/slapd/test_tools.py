import pytest

from appliance.directory.slapd.tools import explained


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("mdb_env_open: No space left on device (28)", "the disk is full"),
        ("MDB_INVALID: File is not an LMDB file (-30793)", "the database is damaged"),
        ("mdb_db_open: Permission denied (13)", "belongs to somebody else"),
    ],
)
def test_what_a_complaint_means(tmp_path, output, meaning):
    text = explained(tmp_path, output)
    assert text.startswith(f"{tmp_path}: ")
    assert meaning in text
    assert text.endswith(output), "what was said comes with it"


def test_an_unknown_complaint_is_handed_on(tmp_path):
    assert explained(tmp_path / "away", "slapd: no idea") == f"{tmp_path / 'away'}: slapd: no idea"
