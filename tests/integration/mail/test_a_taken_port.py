"""Another program has one port of a service: what is asked at the others is served, and the journal says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.integration.mail.clients import connect, connect_imap
from tests.integration.mail.school import School
from tests.integration.mail.test_imap_reload import reload
from tests.integration.support_daemon import Daemon
from tests.integration.support_parts import PASSWORD

_FRED, _FRIDA = "fred.mustermann", "frida.lehrer"


@contextlib.contextmanager
def instead(school: School, usual: Daemon, lacking: Daemon) -> Iterator[None]:
    """Run ``lacking``; the ports that it does not get stay the test's own, so nobody else can open them."""
    usual.stop()
    lacking.start()
    try:
        yield
    finally:
        lacking.stop()
        usual.start()


def test_without_the_port_of_devices_people_write_as_before(school: School) -> None:
    before, stored = len(school.log.read_text()), len(school.boxes(_FRIDA))
    with instead(school, school.mail, school.service("mail", "submission", "submissions")):
        with connect(school) as client:
            client.login(_FRED, PASSWORD)
            message = f"From: {_FRED}@schule.example\r\n\r\nHi.\r\n".encode()
            assert client.sendmail(f"{_FRED}@schule.example", [f"{_FRIDA}@schule.example"], message) == {}
        assert len(school.boxes(_FRIDA)) == stored + 1
        said = school.log.read_text()[before:]
    assert said.count("nothing listens for") == 1
    for words in ("for smtp", "schoolserver-smtp.socket", "network.yaml: listen.smtp", "restart schoolserver-mail."):
        assert words in said


def test_without_its_port_for_tls_dovecot_does_not_try_to_open_it(school: School) -> None:
    conf = school.settings.server.state / "imap" / "dovecot.conf"
    before, usual = len(school.log.read_text()), conf.read_text()
    with instead(school, school.imap, school.service("mail.imap", "imap", user={})):
        client = connect_imap(school)
        client.login(_FRIDA, PASSWORD)
        assert client.select("INBOX")[0] == "OK"
        lacking = conf.read_text()
        assert reload(school) == (0, "")
        assert conf.read_text() == lacking != usual
        assert client.noop()[0] == "OK"
        client.shutdown()
        said = school.log.read_text()[before:]
    assert said.count("nothing listens for") == 1
    for words in ("for imaps", "schoolserver-imaps.socket", "restart schoolserver-imap."):
        assert words in said
    assert conf.read_text() == usual
