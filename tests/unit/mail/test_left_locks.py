"""Which locks are taken away: those that nobody of Dovecot's has, and nothing else."""

import os

import pytest

from appliance.mail.imap.left_locks import remove_left_locks


@pytest.fixture
def box(tmp_path):
    (tmp_path / "20001" / ".Sent").mkdir(parents=True)
    return tmp_path / "20001"


@pytest.mark.parametrize("holder", ["OURS:school", "999999999:school", "", "x", "1" * 300, ":"])
def test_whoever_is_no_dovecot_holds_nothing(tmp_path, box, holder):
    for place in (box, box / ".Sent"):
        (place / "dovecot-uidlist.lock").write_text(holder.replace("OURS", str(os.getpid())))
    assert remove_left_locks(tmp_path) == 2
    assert not list(tmp_path.rglob("*.lock"))


def test_mails_and_indexes_stay_and_links_lead_nowhere(tmp_path, box):
    others = tmp_path.parent / f"{tmp_path.name}-others"
    others.mkdir()
    (others / "dovecot-uidlist.lock").touch()
    (box / ".linked").symlink_to(others)
    for name in ("dovecot-uidlist", "dovecot.index.log", "1700000000.lock", "a.lock"):
        (box / name).touch()
    (box / "dovecot.lock").mkdir()
    before = sorted(path.name for path in box.iterdir())
    remove_left_locks(tmp_path)
    assert sorted(path.name for path in box.iterdir()) == before
    assert (others / "dovecot-uidlist.lock").exists()


def test_no_mailbox_is_no_trouble(tmp_path):
    assert remove_left_locks(tmp_path / "none") == 0
