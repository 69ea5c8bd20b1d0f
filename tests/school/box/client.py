#!/usr/bin/python3
"""What runs on the PCs of the box where a scenario needs more than one command. It stands alone, standard library only.

    client.py mails LOGIN PASSWORD RECIPIENT   hands in mail after mail, says "accepted ID" when the server took one
    client.py files LOGIN PASSWORD FOLDER      uploads file after file, says "stored NAME SHA256" when one is there
    client.py pages LOGIN PASSWORD URL         asks for a page through the proxy again and again: "200" or what came
    client.py inbox LOGIN PASSWORD             says the Message-ID of every letter
    client.py digests LOGIN PASSWORD FOLDER    says "NAME SHA256" of every file
    client.py stays imap|ftp LOGIN PASSWORD    signs in, says "in", and when the server ends it "out"

The first three go on until their standard input ends and say "trouble KIND" when something fails, then try again: a
server that restarts may not refuse a connection, and what it took it has.
"""

import base64
import contextlib
import ftplib
import hashlib
import imaplib
import io
import os
import select
import smtplib
import socket
import ssl
import sys
import threading
from collections.abc import Callable

SERVER = "server.schule.example"
_PATIENCE = 20.0
_PAUSE = threading.Event()
_TLS = ssl.create_default_context()


def mails(login: str, password: str, recipient: str) -> None:
    """Five letters in each session."""
    with smtplib.SMTP(SERVER, 587, timeout=_PATIENCE) as smtp:
        smtp.starttls(context=_TLS)
        smtp.login(login, password)
        for _number in range(5):
            name = f"<{os.urandom(8).hex()}@box>"
            head = f"From: {login}@schule.example\r\nTo: {recipient}\r\nMessage-ID: {name}\r\nSubject: load\r\n"
            letter = f"{head}\r\nHello.\r\n"
            smtp.sendmail(f"{login}@schule.example", [recipient], letter)
            print("accepted", name, flush=True)


def files(login: str, password: str, folder: str) -> None:
    """Five files of 100 kB in each session."""
    with _ftp(login, password) as ftp:
        for _number in range(5):
            content, name = os.urandom(100_000), f"{os.urandom(8).hex()}.bin"
            ftp.storbinary(f"STOR {folder}/{name}", io.BytesIO(content))
            print("stored", name, hashlib.sha256(content).hexdigest(), flush=True)


def pages(login: str, password: str, url: str) -> None:
    """One request, on a connection of its own."""
    token = base64.b64encode(f"{login}:{password}".encode()).decode()
    host = url.split("/")[2]
    head = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nProxy-Authorization: Basic {token}\r\n\r\n"
    with (
        socket.create_connection((SERVER, 3129), _PATIENCE) as plain,
        _TLS.wrap_socket(plain, server_hostname=SERVER) as way,
    ):
        way.sendall(head.encode())
        print(way.makefile("rb").readline().split()[1].decode(), flush=True)


def inbox(login: str, password: str) -> None:
    """Of every letter in INBOX."""
    with _imap(login, password) as imap:
        _, found = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        for item in found:
            if isinstance(item, tuple):
                print(item[1].decode().partition(":")[2].strip())


def digests(login: str, password: str, folder: str) -> None:
    """Of every file in ``folder``."""
    with _ftp(login, password) as ftp:
        for name in ftp.nlst(folder):
            content = io.BytesIO()
            ftp.retrbinary(f"RETR {folder}/{name.rpartition('/')[2]}", content.write)
            print(name.rpartition("/")[2], hashlib.sha256(content.getvalue()).hexdigest())


def stays(protocol: str, login: str, password: str) -> None:
    """Until the server ends the session."""
    session = _imap(login, password) if protocol == "imap" else _ftp(login, password)
    print("in", flush=True)
    assert session.sock is not None
    session.sock.settimeout(120)
    with contextlib.suppress(OSError):
        session.sock.recv(1000)
    print("out", flush=True)


def _ftp(login: str, password: str) -> ftplib.FTP_TLS:
    ftp = ftplib.FTP_TLS(context=_TLS, timeout=_PATIENCE)
    ftp.connect(SERVER)
    ftp.login(login, password)
    ftp.prot_p()
    return ftp


def _imap(login: str, password: str) -> imaplib.IMAP4:
    imap = imaplib.IMAP4(SERVER, timeout=_PATIENCE)
    imap.starttls(_TLS)
    imap.login(login, password)
    answer, told = imap.select("INBOX")
    if answer != "OK":
        raise SystemExit(f"SELECT: {answer} {told}")
    return imap


def again_and_again(work: Callable[..., None], *arguments: str) -> None:
    """Until standard input ends."""
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            work(*arguments)
        except (OSError, EOFError, smtplib.SMTPException, ftplib.Error, IndexError) as problem:
            print("trouble", type(problem).__name__, str(problem)[:150].replace("\n", " "), flush=True)
            _PAUSE.wait(0.1)


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    {
        "mails": lambda: again_and_again(mails, *given),
        "files": lambda: again_and_again(files, *given),
        "pages": lambda: again_and_again(pages, *given),
        "inbox": lambda: inbox(*given),
        "digests": lambda: digests(*given),
        "stays": lambda: stays(*given),
    }[what]()
