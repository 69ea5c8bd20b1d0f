"""What a mail program may put into its box by IMAP (K11, K12), over which ways, and that no mail leaves by itself."""

from __future__ import annotations

import imaplib
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import FRED, FRIDA, connect, connect_imap
from tests.integration.mail.school import School
from tests.integration.support_parts import LIMIT, PASSWORD

HEAD = b"From: a@schule.example\r\nSubject: x\r\n\r\n"


def message(size: int) -> bytes:
    return HEAD + b"x" * 70 + b"\r\n" + b"y\r\n" * ((size - len(HEAD) - 72) // 3)


def signed_in(school: School, login: str) -> imaplib.IMAP4:
    client = connect_imap(school)
    client.login(login, PASSWORD)
    return client


@pytest.fixture
def gina(school: School) -> Iterator[Callable[[], imaplib.IMAP4]]:
    """Sign Gina in anew, as what she may hold is said then; her box is empty at first and afterwards."""
    opened = []

    def sign_in() -> imaplib.IMAP4:
        opened.append(signed_in(school, "gina.musterfrau"))
        return opened[-1]

    _emptied(sign_in())
    yield sign_in
    _emptied(sign_in())
    for client in opened:
        client.shutdown()


def _emptied(client: imaplib.IMAP4) -> None:
    for folder in ("Archive", "INBOX"):
        status, count = client.select(folder)
        if status == "OK" and count != [b"0"]:
            client.store("1:*", "+FLAGS", r"(\Deleted)")
            client.expunge()


def _with_quota(school: School, sign_in: Callable[[], imaplib.IMAP4], quota: int) -> imaplib.IMAP4:
    """Sign in once what she may hold is ``quota``: what is larger does not fit any more."""
    school.publish(gina__musterfrau={"quota": quota})

    def bounded() -> imaplib.IMAP4 | None:
        client = sign_in()
        if client.append("INBOX", "", None, message(quota + 10_000))[0] == "NO":
            return client
        _emptied(client)
        return None

    return eventually(bounded)


def test_append_obeys_the_quota(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    client = _with_quota(school, gina, 300_000)
    assert client.append("INBOX", "", None, message(200_000))[0] == "OK"
    status, said = client.append("INBOX", "", None, message(150_000))
    assert (status, said[0][:11]) == ("NO", b"[OVERQUOTA]")
    assert b"Kein Platz mehr" in said[0] and b"No room is left" in said[0]
    status, told = client.getquotaroot("INBOX")
    assert status == "OK" and re.search(rb"STORAGE 19\d 29[23]\b", told[1][0]), "in KiB, as mail programs show it"
    assert client.append("Drafts", "", None, message(150_000))[0] == "NO", "whatever the folder"
    assert client.append("INBOX", "", None, message(20_000))[0] == "OK"
    again = gina()
    assert again.append("INBOX", "", None, message(150_000))[0] == "NO", "nor after a new sign-in"


def test_copy_obeys_the_quota_and_who_is_full_can_tidy_up(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    client = _with_quota(school, gina, 300_000)
    assert client.append("INBOX", "", None, message(200_000))[0] == "OK"
    client.create("Archive")
    client.select("INBOX")
    status, said = client.copy("1", "Archive")
    assert (status, said[0][:11]) == ("NO", b"[OVERQUOTA]")
    assert client.uid("COPY", "1:*", "Archive")[0] == "NO"
    assert client.status("Archive", "(MESSAGES)")[1] == [b"Archive (MESSAGES 0)"]
    assert client.uid("MOVE", "1:*", "Archive")[0] == "OK", "moving takes no room"
    client.select("Archive")
    client.store("1", "+FLAGS", r"(\Deleted)")
    client.expunge()
    assert client.append("INBOX", "", None, message(200_000))[0] == "OK"


def test_what_was_delivered_counts_for_append(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    client = _with_quota(school, gina, 300_000)
    with connect(school) as sender:
        sender.login("fred.mustermann", PASSWORD)
        sender.sendmail(FRED, ["gina.musterfrau@schule.example"], f"From: {FRED}\r\n\r\n".encode() + message(200_000))
    client.select("INBOX")
    assert client.append("INBOX", "", None, message(150_000))[0] == "NO"


def test_append_obeys_the_limit_of_the_account(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    """Pupils may send two megabytes, teachers four: in base64 lines, and with the text beside them."""
    largest = LIMIT * 139 // 100 + 200_000
    client = gina()
    status, said = client.append("INBOX", "", None, message(largest))
    assert status == "NO" and b"larger than the maximum size" in said[0]
    assert client.append("INBOX", "", None, message(LIMIT))[0] == "OK"
    teacher = signed_in(school, "frida.lehrer")
    teacher.create("Large")
    assert teacher.append("Large", "", None, message(largest))[0] == "OK"
    assert teacher.append("Large", "", None, message(2 * largest))[0] == "NO"
    teacher.delete("Large")
    teacher.shutdown()


def test_copy_obeys_the_limit_of_the_account(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    """A teacher's message is larger than a pupil may send; she reads and deletes it, and makes no second one of it.

    Dovecot 2.3 lets her move it, too; 2.4 does not.
    """
    with connect(school) as sender:
        sender.login("frida.lehrer", PASSWORD)
        large = f"From: {FRIDA}\r\n\r\n".encode() + message(LIMIT * 139 // 100 + 200_000)
        sender.sendmail(FRIDA, ["gina.musterfrau@schule.example"], large)
    client = gina()
    client.create("Archive")
    client.select("INBOX")
    assert len(client.fetch("1", "(BODY.PEEK[])")[1][0][1]) > len(large)
    status, said = client.copy("1", "Archive")
    assert status == "NO" and b"larger than the maximum size" in said[0]
    client.store("1", "+FLAGS", r"(\Deleted)")
    assert client.expunge() == ("OK", [b"1"])


def test_several_messages_of_one_append_are_counted_together(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    """MULTIAPPEND (RFC 3502): all or nothing."""
    client = _with_quota(school, gina, 300_000)
    part = message(120_000)
    client.send(b"a1 APPEND INBOX")
    for number in range(3):
        client.send(b" {%d+}\r\n" % len(part) + part)
        assert number < 3
    client.send(b"\r\n")
    line = client.readline()
    while not line.startswith(b"a1 "):
        line = client.readline()
    assert line.startswith(b"a1 NO [OVERQUOTA]")
    assert client.status("INBOX", "(MESSAGES)")[1] == [b"INBOX (MESSAGES 0)"]


# How many messages and folders: none of them weighs much, and together they would take the disk's inodes.


def test_copying_makes_no_more_messages_than_an_account_may_have(
    school: School, gina: Callable[[], imaplib.IMAP4]
) -> None:
    """All folders together; reading, moving and deleting go on, and so does delivery."""
    most = school.settings.mail.messages_max
    client = gina()
    client.create("Archive")
    assert client.append("INBOX", "", None, HEAD)[0] == "OK"
    client.select("INBOX")
    status, count = "OK", 1
    while status == "OK" and count <= most:
        status, said = client.copy("1:*", "INBOX" if count < most // 4 else "Archive")
        client.noop()
        count = sum(_messages(client, folder) for folder in ("INBOX", "Archive"))
    assert (status, said[0][:11]) == ("NO", b"[OVERQUOTA]")
    assert most // 2 <= count <= most
    _fill(client, most - count)
    assert client.append("Drafts", "", None, HEAD)[0] == "NO", "whatever the folder"
    assert gina().append("INBOX", "", None, HEAD)[0] == "NO", "nor after a new sign-in"

    with connect(school) as sender:
        sender.login("fred.mustermann", PASSWORD)
        assert sender.sendmail(FRED, ["gina.musterfrau@schule.example"], f"From: {FRED}\r\n\r\nx\r\n".encode()) == {}
    client.select("INBOX")
    assert b"Fred" in client.fetch("*", "(BODY.PEEK[HEADER.FIELDS (FROM)])")[1][0][1]
    assert client.append("INBOX", "", None, HEAD)[0] == "NO"
    assert client.uid("MOVE", "1:2", "Archive")[0] == "OK"
    client.store("1:10", "+FLAGS", r"(\Deleted)")
    client.expunge()
    assert client.append("INBOX", "", None, HEAD)[0] == "OK"


def _messages(client: imaplib.IMAP4, folder: str) -> int:
    found = re.search(rb"MESSAGES (\d+)", client.status(folder, "(MESSAGES)")[1][0])
    return int(found[1]) if found else 0


def _fill(client: imaplib.IMAP4, more: int) -> None:
    while more:
        some = min(more, _messages(client, "INBOX"))
        assert client.copy(f"1:{some}", "Archive")[0] == "OK"
        more -= some


def test_nobody_makes_folders_without_end(school: School, gina: Callable[[], imaplib.IMAP4]) -> None:
    """Dovecot 2.4 counts them; with 2.3 what stands beside it notices within two seconds, in open sessions too."""
    most = school.settings.mail.mailboxes_max
    client, other = gina(), gina()
    made = _made_until_refused(client, "many")
    assert made < most or subprocess.check_output(["dovecot", "--version"]).startswith(b"2.3")
    try:
        for refused in (other, gina()):
            assert refused.create("more")[0] == "NO"
            assert refused.create("many0/inner")[0] == "NO"
        assert client.append("many0", "", None, message(1000))[0] == "OK"
        client.select("many0")
        assert client.copy("1", "INBOX")[0] == "OK"
    finally:
        client.select("INBOX")
        for number in range(made):
            assert client.delete(f"many{number}")[0] == "OK"
    assert eventually(lambda: client.create("again")[0] == "OK")
    client.delete("again")


def _made_until_refused(client: imaplib.IMAP4, name: str) -> int:
    for number in range(2000):
        status, said = client.create(f"{name}{number}")
        if status == "NO":
            assert said[0].startswith((b"[NOPERM]", b"[LIMIT]", b"[OVERQUOTA]")), said
            return number
    raise AssertionError("there is no bound")


# TLS at once (RFC 8314).


def test_imaps(school: School) -> None:
    client = imaplib.IMAP4_SSL("127.0.0.1", school.ports["imaps"], ssl_context=school.context, timeout=20)
    assert "STARTTLS" not in client.capabilities
    assert client.sock.version() in {"TLSv1.2", "TLSv1.3"}
    assert client.login("frida.lehrer", PASSWORD)[0] == "OK"
    assert client.select("INBOX")[0] == "OK"
    client.logout()


def test_imaps_speaks_nothing_before_tls(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["imaps"]), 10) as line:
        line.sendall(b"a1 LOGIN frida.lehrer x\r\n")
        said = b"".join(iter(lambda: line.recv(1000), b""))
    assert b"*" not in said and b"OK" not in said


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_imaps_refuses_old_tls(school: School) -> None:
    context = school.context
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        imaplib.IMAP4_SSL("127.0.0.1", school.ports["imaps"], ssl_context=context, timeout=20)


def test_curl_over_imaps(school: School) -> None:
    argv = ["curl", "-sS", "-m", "20", "--cacert", str(school.ca), "-u", f"frida.lehrer:{PASSWORD}"]
    done = subprocess.run(
        [*argv, f"imaps://localhost:{school.ports['imaps']}/"], capture_output=True, text=True, timeout=30, check=True
    )
    assert "INBOX" in done.stdout


# Nothing goes on to anywhere (K08).


def test_no_mail_leaves_a_box_by_itself(school: School) -> None:
    """Dovecot neither sends nor filters: no delivery agent, no Sieve, no submission; and people reach no such file."""
    path = school.settings.server.state / "imap" / "dovecot.conf"
    text = subprocess.run(["doveconf", "-n", "-c", str(path)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^protocols = imap\s*$|^protocols \{\n  imap = yes\n\}", text, re.MULTILINE)
    assert not re.search(r"sieve|lmtp|\blda\b|submission|sendmail|forward", text, re.IGNORECASE)
    base = school.settings.server.runtime / "dovecot"
    assert not [one.name for one in base.rglob("*") if re.search(r"sieve|lmtp|submission", one.name)]
    client = signed_in(school, "frida.lehrer")
    able = set(client.capabilities) | set(client.capability()[1][0].decode().upper().split())
    client.shutdown()
    assert not [one for one in able if one.startswith(("METADATA", "FILTER", "URLAUTH", "SIEVE"))]


def test_files_that_elsewhere_forward_do_nothing_here(school: School) -> None:
    """A mail program cannot make them either: what it makes are folders whose names begin with a dot."""
    box = school.data / "mail" / "frida.lehrer"
    owner = box.stat()
    made = []
    for name in (".forward", ".dovecot.sieve", ".redirect", ".procmailrc", ".qmail"):
        path = box / name
        path.write_text('ada.admin@schule.example\nredirect "ada.admin@schule.example";\n')
        os.chown(path, owner.st_uid, owner.st_gid)
        made.append(path)
    try:
        before, others = len(school.boxes("frida.lehrer")), len(school.boxes("ada.admin"))
        with connect(school) as sender:
            sender.login("fred.mustermann", PASSWORD)
            sender.sendmail(FRED, [FRIDA], f"From: {FRED}\r\n\r\nx\r\n".encode())
        assert len(school.boxes("frida.lehrer")) == before + 1
        assert len(school.boxes("ada.admin")) == others
        client = signed_in(school, "frida.lehrer")
        assert client.select("INBOX")[0] == "OK"
        client.shutdown()
        assert len(school.boxes("ada.admin")) == others
    finally:
        for path in made:
            path.unlink()
