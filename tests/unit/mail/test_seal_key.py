"""The key of the mark: made once, for mail alone; the public one for who judges."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.mail.seal_key import NoKey, own_key, public_keys


def test_it_is_made_once(tmp_path):
    assert public_keys(tmp_path) == ()
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: own_key(tmp_path), range(8)))
    assert len({bytes(key) for key in keys}) == 1
    assert public_keys(tmp_path) == (keys[0].verify_key,)
    assert stat.S_IMODE((tmp_path / "seal.key").stat().st_mode) == 0o400
    assert stat.S_IMODE((tmp_path / "seal.pub").stat().st_mode) == 0o440
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seal.key", "seal.pub"]


def test_after_a_new_start_without_the_key_old_mail_can_still_be_judged(tmp_path):
    old = own_key(tmp_path).verify_key
    (tmp_path / "seal.key").unlink()
    new = own_key(tmp_path).verify_key
    assert public_keys(tmp_path) == (new, old)


def test_a_lost_public_key_comes_back(tmp_path):
    key = own_key(tmp_path)
    (tmp_path / "seal.pub").unlink()
    own_key(tmp_path)
    assert public_keys(tmp_path) == (key.verify_key,)


@pytest.mark.parametrize("text", ["", "x", "AAAA\n", "ü"])
def test_what_is_no_key_is_told_and_stays(tmp_path, text):
    (tmp_path / "seal.key").write_text(text)
    with pytest.raises(NoKey, match=r"seal\.key holds no key"):
        own_key(tmp_path)
    assert (tmp_path / "seal.key").read_text() == text
    (tmp_path / "seal.pub").write_text("x\n")
    with pytest.raises(NoKey, match=r"seal\.pub"):
        public_keys(tmp_path)
