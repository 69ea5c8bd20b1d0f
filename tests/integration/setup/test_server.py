"""Setup up to a server that runs: the real parts, real TLS, and a new certificate while a session goes on."""

import contextlib
import imaplib
import smtplib
import socket
import ssl
from ftplib import FTP_TLS

import pytest
from cryptography import x509

from appliance.settings.load import load
from tests.integration.setup.conftest import Installed
from tests.integration.setup.test_certificates import NAMES, certificate, private


@pytest.fixture(scope="module")
def running():
    machine = Installed()
    try:
        machine.boot_with_server()
        done = machine.answered()
        assert done.returncode == 0, done.stdout + done.stderr
        yield machine, done.stdout
    finally:
        machine.end()


def names_of(connection):
    found = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(one.value) for one in alternatives)


def trusting(machine):
    context = ssl.create_default_context(cafile=str(machine.places.authority))
    context.check_hostname = False
    return context


def anybody():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def imap(listen, context):
    with imaplib.IMAP4(listen["imap"].host, listen["imap"].port) as client:
        client.starttls(context)
        return names_of(client.sock)


def submission(listen, context):
    with smtplib.SMTP(listen["submission"].host, listen["submission"].port) as client:
        client.starttls(context=context)
        return names_of(client.sock)


def ftp(listen, context):
    with FTP_TLS(context=context) as client:
        client.connect(listen["ftp"].host, listen["ftp"].port)
        client.auth()
        return names_of(client.sock)


def proxy(listen, context):
    return at_once(listen["proxy-tls"], context)


def autoconfig(listen, context):
    return at_once(listen["https"], context)


def at_once(address, context):
    plain = socket.create_connection((address.host, address.port))
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        return names_of(connection)


DOORS = [imap, submission, ftp, proxy, autoconfig]


def test_it_ends_with_the_check_and_a_table_of_a_server_that_is_well(running):
    machine, shown = running
    assert f"The settings in {machine.places.settings} are right." in shown
    for name in (
        "supervisor",
        "mail",
        "imap",
        "proxy",
        "fileshare",
        "autoconfig",
        "probe mail",
        "probe files",
        "probe web",
        "probe mail set-up",
    ):
        line = next(line for line in shown.splitlines() if f" {name} " in line)
        assert line.startswith("ok"), line
    assert "not well: probe backup" in shown, "that somebody in the second place has to allow"
    assert "Accounts: schoolserver users import" in shown


@pytest.mark.parametrize("door", DOORS)
def test_every_door_shows_a_certificate_of_the_local_authority(running, door):
    machine, _ = running
    listen = load(machine.places.settings).network.listen
    assert set(door(listen, trusting(machine))) >= {"mail.see.example", "127.0.0.1"}


def test_again_on_the_running_server_changes_nothing_and_asks_it_to_read_nothing(running):
    machine, _ = running
    pid = machine.control().call("status")["units"]
    again = machine.answered()
    assert again.returncode == 0
    assert "Nothing changes: everything is as it should be already." in again.stdout
    assert [unit["pid"] for unit in machine.control().call("status")["units"]] == [unit["pid"] for unit in pid]


def test_changed_answers_act_in_the_running_server(running):
    machine, _ = running
    machine.answers.write_text(machine.answers.read_text().replace("'12'", "'Room 12'"))
    done = machine.answered()
    assert "network.yaml: rooms: 12: [10.1.12.0/24] -> Room 12: [10.1.12.0/24]" in done.stdout
    answer = machine.control().call("limits.show", {"room": "Room 12"})
    assert answer


def test_the_school_s_own_certificate_acts_at_every_door_and_ends_no_session(running, tmp_path):
    machine, _ = running
    listen = load(machine.places.settings).network.listen
    before = machine.control().call("status")["units"]
    with contextlib.ExitStack() as sessions:
        mail = sessions.enter_context(smtplib.SMTP(listen["submission"].host, listen["submission"].port))
        mail.starttls(context=trusting(machine))
        box = sessions.enter_context(imaplib.IMAP4(listen["imap"].host, listen["imap"].port))
        box.starttls(trusting(machine))
        (tmp_path / "cert.pem").write_bytes(certificate())
        (tmp_path / "key.pem").write_bytes(private())
        done = machine.run("certificates", "--install", tmp_path / "cert.pem", tmp_path / "key.pem")
        assert done.returncode == 0, done.stderr
        assert {door.__name__: door(listen, anybody()) for door in DOORS} == {door.__name__: NAMES for door in DOORS}
        assert mail.noop()[0] == 250
        assert box.noop()[0] == "OK"
    after = machine.control().call("status")["units"]
    assert [unit["pid"] for unit in after] == [unit["pid"] for unit in before], "nothing was started anew"
