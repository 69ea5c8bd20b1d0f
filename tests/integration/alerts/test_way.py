"""The way through the smarthost: encrypted, proved, within bounds; what goes wrong is said without an address."""

import contextlib
import os
import socket
import threading
import time
from dataclasses import replace

import pytest

from appliance.settings.load import load
from appliance.settings.proxy import Destination
from appliance.supervisor import alerts_mail
from appliance.supervisor.alerts_mail import CannotSend, Unwanted, through_smarthost
from appliance.supervisor.alerts_text import Letter
from tests.integration.alerts.smarthost import LOGIN, PASSWORD, smarthost

CARER = "carer@town.example"
LETTER = Letter("[schule.example] not well: Prüfung", "Zeile mit ß\n.\nlast\n")


@pytest.fixture
def settings(tmp_path):
    """Alerts whose way is still to be said."""
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o640)
    (tmp_path / "etc").mkdir()
    return replace(load(tmp_path / "etc").alerts, to=(CARER,), login=LOGIN, password_file=password)


def via(settings, host, **more):
    return replace(settings, smarthost=Destination("localhost", host.port), ca=host.ca, **more)


def send(settings, *to):
    return through_smarthost(settings, "schule.example", to or settings.to, LETTER)


@contextlib.contextmanager
def talking(*lines, forever=b""):
    """A server that says ``lines`` whatever it hears, then ``forever`` again and again; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    for line in lines:
                        connection.sendall(line)
                        connection.recv(4096)
                    ended = threading.Event()
                    while forever and not ended.wait(0.05):
                        connection.sendall(forever)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("tls", [False, True], ids=["starttls", "tls"])
def test_a_mail_gets_away_encrypted(settings, tmp_path, tls):
    with smarthost(tmp_path / "host", tls) as host:
        assert send(via(settings, host, encryption="tls" if tls else "starttls")) == 0
        session, envelope, mail = host.mails[0]
    assert session.ssl is not None or tls
    assert session.host_name == "schule.example"
    assert (envelope.mail_from, envelope.rcpt_tos) == (LOGIN, [CARER])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] and mail["Date"]
    assert mail.get_payload(decode=True).decode().replace("\r\n", "\n") == LETTER.text


def test_the_sender_is_the_one_that_is_set(settings, tmp_path):
    with smarthost(tmp_path / "host") as host:
        send(via(settings, host, sender="server@town.example"))
        assert host.mails[0][1].mail_from == "server@town.example"


def test_one_refused_address_keeps_nothing_from_the_others(settings, tmp_path):
    with smarthost(tmp_path / "host") as host:
        host.refuses = {CARER}
        assert send(via(settings, host), CARER, "other@town.example") == 1
        with pytest.raises(CannotSend, match=r"refuses every address \(550\)"):
            send(via(settings, host))


@pytest.mark.parametrize(("says", "for_good"), [("552 5.2.2 no room", True), ("451 4.3.0 later", False)])
def test_a_mail_that_is_refused_after_its_text_is_refused_for_good_or_for_now(settings, tmp_path, says, for_good):
    with smarthost(tmp_path / "host") as host:
        host.says = says
        with pytest.raises(CannotSend, match=f"answers {says[:3]}") as caught:
            send(via(settings, host))
    assert isinstance(caught.value, Unwanted) == for_good


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("wrong password", r"refuses login or password \(535\)"),
        ("no password", "there is no password in"),
        ("missing", "cannot be read: No such file"),
        ("everybody", "everybody may read"),
        ("own ca missing", "cannot be used"),
    ],
)
def test_what_the_carer_has_to_put_right_is_said(settings, tmp_path, change, words):
    with smarthost(tmp_path / "host") as host:
        wrong = via(settings, host)
        if change == "wrong password":
            settings.password_file.write_text("guess\n")
        elif change == "no password":
            settings.password_file.write_text("\n")
        elif change == "missing":
            settings.password_file.unlink()
        elif change == "everybody":
            settings.password_file.chmod(0o644)
        else:
            wrong = replace(wrong, ca=tmp_path / "missing.pem")
        with pytest.raises(CannotSend, match=words) as caught:
            send(wrong)
        assert not host.mails
    for word in (CARER, LOGIN, PASSWORD, "guess"):
        assert word not in str(caught.value)


@pytest.mark.parametrize("tls", [False, True], ids=["starttls", "tls"])
@pytest.mark.parametrize("lie", ["unknown", "another name"])
def test_a_smarthost_that_cannot_prove_itself_gets_neither_password_nor_mail(settings, tmp_path, tls, lie):
    name = "localhost" if lie == "unknown" else "other.town.example"
    with smarthost(tmp_path / "host", tls, name) as host:
        told = via(settings, host, encryption="tls" if tls else "starttls")
        with pytest.raises(CannotSend, match="cannot prove who it is"):
            send(replace(told, ca=None) if lie == "unknown" else told)
        assert not host.mails


def test_nothing_goes_in_clear_text(settings):
    with talking(b"220 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n") as port:
        host = Destination("localhost", port)
        with pytest.raises(CannotSend, match="does not speak STARTTLS"):
            send(replace(settings, smarthost=host))


def test_nobody_there(settings):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(CannotSend, match=f"cannot be reached: {os.strerror(111)}"):
        send(replace(settings, smarthost=Destination("127.0.0.1", port)))
    with pytest.raises(CannotSend, match="cannot be resolved"):
        send(replace(settings, smarthost=Destination("mail.invalid", 587)))
    with pytest.raises(CannotSend, match="there is no smarthost"):
        send(settings)


@pytest.mark.parametrize("forever", [b"", b"250-x\r\n"], ids=["silent", "endless"])
def test_however_slow_it_is_it_ends(settings, monkeypatch, forever):
    monkeypatch.setattr(alerts_mail, "LIMIT", 1.0)
    begun = time.monotonic()
    words = "ended the connection or was too slow"
    with talking(b"220 x\r\n", *([] if forever else [b""]), forever=forever) as port:
        with pytest.raises(CannotSend, match=words):
            send(replace(settings, smarthost=Destination("localhost", port)))
        assert time.monotonic() - begun < alerts_mail.PATIENCE / 2
