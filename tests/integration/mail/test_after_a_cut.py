"""What a power cut leaves of Dovecot's locks, whose holders' numbers are somebody else's after the boot."""

import os
import socket

import pytest

from tests.integration.mail.clients import connect_imap
from tests.integration.support_parts import PASSWORD

_LOGIN = "frida.lehrer"


@pytest.mark.parametrize("name", ["dovecot-uidlist.lock", "dovecot.index.log.lock"])
def test_nobody_waits_for_a_lock_that_was_left(school, name):
    _selects(school)
    school.imap.stop()
    (uidlist,) = (school.data / "mail").glob(f"{_LOGIN}/dovecot-uidlist")
    box = uidlist.parent
    lock = box / name
    lock.write_text(f"{os.getpid()}:{socket.gethostname()}")
    owner = box.stat()
    os.chown(lock, owner.st_uid, owner.st_gid)
    school.imap.start()
    _selects(school)
    assert not lock.exists()


def _selects(school):
    client = connect_imap(school)
    try:
        client.sock.settimeout(10)
        client.login(_LOGIN, PASSWORD)
        assert client.select("INBOX")[0] == "OK"
    finally:
        client.shutdown()
