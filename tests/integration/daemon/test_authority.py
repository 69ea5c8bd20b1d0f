"""The local authority: what OpenSSL and Python accept of it, and what they refuse."""

import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from appliance.daemon import authority as module
from appliance.daemon import key_pair
from appliance.daemon.authority import AuthorityError, ensure_authority, issue
from appliance.daemon.tls import TlsError, reload_context, server_context

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = "schule.example"
NETWORKS = (ip_network("10.20.0.0/16"), ip_network("fd00:12::/48"))
GOOD = ["mail.schule.example", "schule.example", "localhost", "127.0.0.1", "::1", "10.20.3.4", "fd00:12::7"]
FOREIGN = ["www.example.org", "schule.example.org", "xschule.example", "10.21.0.1", "8.8.8.8", "fd00:13::1"]


@pytest.fixture
def authority(tmp_path):
    return ensure_authority(tmp_path / "authority", DOMAIN, NETWORKS)


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def openssl(tmp_path, certificate, *options):
    ca = tmp_path / "authority" / "ca.pem"
    argv = [
        "openssl",
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        str(ca),
        *options,
        str(certificate),
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def handshake(folder, ca, name):
    """Let Python, at its strictest, connect to ``name`` served from ``folder``; raise what the client raises."""
    server, client = socket.socketpair()
    context = server_context(folder)

    def answer():
        try:
            with context.wrap_socket(server, server_side=True) as connection:
                connection.recv(1)
        except (ssl.SSLError, ConnectionError):
            server.close()

    thread = threading.Thread(target=answer)
    thread.start()
    trust = ssl.create_default_context(cafile=str(ca))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with trust.wrap_socket(client, server_hostname=name) as connection:
            return connection.version()
    finally:
        client.close()
        thread.join(10)


def forge(authority, folder, names, monkeypatch):
    """Sign for what the authority is not for, as somebody with its key would."""
    monkeypatch.setattr(module.Authority, "covers", lambda self, name: True)
    issue(authority, folder, names)


def test_the_authority_is_constrained_and_its_key_closed(tmp_path, authority):
    certificate = load(tmp_path / "authority" / "ca.pem")
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.excluded_subtrees is None
    permitted = {str(one.value) for one in constraints.value.permitted_subtrees}
    assert permitted == {DOMAIN, "localhost", "127.0.0.0/8", "::1/128", "10.20.0.0/16", "fd00:12::/48"}
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert stat.S_IMODE((tmp_path / "authority" / "ca.key").stat().st_mode) == 0o400
    assert stat.S_IMODE((tmp_path / "authority" / "ca.pem").stat().st_mode) == 0o444


@pytest.mark.parametrize("name", GOOD)
def test_good_names_are_accepted(tmp_path, authority, name):
    folder = tmp_path / "mail"
    assert issue(authority, folder, [name], (os.getuid(), os.getgid()))
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o400
    done = openssl(tmp_path, folder / "cert.pem")
    assert done.returncode == 0, done.stderr
    assert handshake(folder, tmp_path / "authority" / "ca.pem", name) == "TLSv1.3"


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_names_are_not_signed_and_would_not_be_believed(tmp_path, authority, name, monkeypatch):
    with pytest.raises(AuthorityError, match="cannot sign for"):
        issue(authority, tmp_path / "mail", [DOMAIN, name])
    assert not (tmp_path / "mail").exists()
    forge(authority, tmp_path / "forged", [name], monkeypatch)
    done = openssl(tmp_path, tmp_path / "forged" / "cert.pem")
    assert done.returncode != 0
    assert "permitted subtree violation" in done.stderr
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(tmp_path / "forged", tmp_path / "authority" / "ca.pem", name)


def test_no_name_at_all(tmp_path, authority):
    with pytest.raises(AuthorityError):
        issue(authority, tmp_path / "mail", [])


def test_doing_it_again_changes_nothing(tmp_path, authority):
    issue(authority, tmp_path / "mail", ["mail.schule.example", "127.0.0.1"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    again = ensure_authority(tmp_path / "authority", DOMAIN, NETWORKS)
    assert not issue(again, tmp_path / "mail", ["mail.schule.example", "127.0.0.1"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_other_names_and_a_near_end_make_a_new_one(tmp_path, authority):
    folder = tmp_path / "mail"
    issue(authority, folder, ["mail.schule.example"])
    assert issue(authority, folder, ["imap.schule.example"])
    assert not issue(authority, folder, ["imap.schule.example"], now=datetime.now(UTC) + timedelta(days=366))
    assert issue(authority, folder, ["imap.schule.example"], now=datetime.now(UTC) + timedelta(days=368))


def test_halves_of_two_pairs_are_made_anew(tmp_path, authority):
    folder = tmp_path / "mail"
    issue(authority, folder, ["mail.schule.example"])
    issue(authority, tmp_path / "other", ["mail.schule.example"])
    (folder / "key.pem").unlink()
    (folder / "key.pem").write_bytes((tmp_path / "other" / "key.pem").read_bytes())
    with pytest.raises(TlsError, match="cannot be used"):
        server_context(folder)
    assert issue(authority, folder, ["mail.schule.example"])
    server_context(folder)
    (folder / "cert.pem").unlink()
    assert issue(authority, folder, ["mail.schule.example"])


def test_two_files_of_an_earlier_release_become_one_pair(tmp_path, authority):
    folder = tmp_path / "mail"
    issue(authority, folder, ["mail.schule.example"])
    chain, key = (folder / "pair.pem").read_bytes().partition(b"-----BEGIN PRIVATE KEY")[0::2]
    for path in folder.iterdir():
        path.unlink()
    (folder / "cert.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(b"-----BEGIN PRIVATE KEY" + key)
    issue(authority, folder, ["mail.schule.example"])
    assert load(folder / "cert.pem").public_bytes(serialization.Encoding.PEM) == chain
    assert sorted(path.name for path in folder.iterdir() if path.is_symlink()) == ["cert.pem", "key.pem"]
    server_context(folder)


@pytest.mark.parametrize("moment", ["os.mkdir", "os.symlink", "os.rename", "os.remove", "open"])
def test_whatever_the_moment_of_a_power_cut_the_pair_is_one(tmp_path, authority, moment):
    """A real process is killed at each such system call of a renewal in turn, until one gets through."""
    folder = tmp_path / "mail"
    issue(authority, folder, ["mail.schule.example"])
    (folder / "key.pem").unlink()  # an earlier release wrote two files
    (folder / "key.pem").write_bytes((folder / "pair.pem").read_bytes())
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from appliance.daemon.authority import ensure_authority, issue\n"
        "event, left, top, name = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]\n"
        "made = ensure_authority(top / 'authority', 'schule.example', [])\n"
        "def cut(what, arguments):\n"
        "    global left\n"
        "    left -= what == event\n"
        "    if what == event and left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(cut)\n"
        "issue(made, top / 'mail', [name])\n"
    )
    for number in range(1, 40):
        argv = (sys.executable, "-c", program, moment, str(number), str(tmp_path), f"n{number}.schule.example")
        done = subprocess.run(argv, cwd=ROOT, check=False)
        server_context(folder)
        if done.returncode == 0:
            return
        assert done.returncode == -signal.SIGKILL
    raise AssertionError("it never got through")


def test_a_new_authority_signs_anew(tmp_path, authority):
    issue(authority, tmp_path / "mail", ["mail.schule.example"])
    other = ensure_authority(tmp_path / "second", DOMAIN, NETWORKS)
    assert issue(other, tmp_path / "mail", ["mail.schule.example"])


def test_other_networks_keep_the_key_so_that_who_trusts_the_former_one_goes_on(tmp_path, authority):
    former = tmp_path / "former.pem"
    former.write_bytes((tmp_path / "authority" / "ca.pem").read_bytes())
    wider = ensure_authority(tmp_path / "authority", DOMAIN, (*NETWORKS, ip_network("10.30.0.0/16")))
    assert (tmp_path / "authority" / "ca.pem").read_bytes() != former.read_bytes()
    issue(wider, tmp_path / "a", ["mail.schule.example"])
    assert handshake(tmp_path / "a", former, "mail.schule.example")
    issue(wider, tmp_path / "b", ["10.30.0.1"])
    assert handshake(tmp_path / "b", tmp_path / "authority" / "ca.pem", "10.30.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path / "b", former, "10.30.0.1")


def test_a_broken_authority_key_is_named_and_not_replaced(tmp_path, authority):
    key = tmp_path / "authority" / "ca.key"
    key.chmod(0o600)
    key.write_text("nonsense")
    with pytest.raises(AuthorityError, match=r"ca\.key cannot be read as a private key"):
        ensure_authority(tmp_path / "authority", DOMAIN)
    assert key.read_text() == "nonsense"


def test_old_protocols_are_refused(tmp_path, authority):
    issue(authority, tmp_path / "mail", ["localhost"])
    context = server_context(tmp_path / "mail")
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert all("ECDHE" in one["name"] or one["protocol"] == "TLSv1.3" for one in context.get_ciphers())


def test_a_reload_takes_another_kind_of_key_too(tmp_path, authority):
    """A school's own certificate is often an RSA one, beside which OpenSSL would go on with the former elliptic one."""
    folder = tmp_path / "mail"
    issue(authority, folder, ["localhost"])
    context = server_context(folder)
    key, name = rsa.generate_private_key(65537, 2048), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(1), now + timedelta(1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    form = serialization.PrivateFormat.PKCS8
    key_pair.install(folder, own, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    reload_context(context, folder)
    assert served(context) == x509.load_pem_x509_certificate(own).public_bytes(serialization.Encoding.DER)
    issue(authority, folder, ["localhost"])
    reload_context(context, folder)
    assert served(context) == load(folder / "cert.pem").public_bytes(serialization.Encoding.DER)


def test_a_reload_serves_the_new_certificate_and_a_bad_one_keeps_the_old(tmp_path, authority):
    folder = tmp_path / "mail"
    issue(authority, folder, ["localhost"])
    context = server_context(folder)
    first = served(context)
    issue(authority, folder, ["localhost", "127.0.0.1"])
    reload_context(context, folder)
    second = served(context)
    assert second != first
    assert second == load(folder / "cert.pem").public_bytes(serialization.Encoding.DER)
    for name in ("cert.pem", "key.pem"):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).write_text("-----BEGIN NONSENSE-----\n")
        with pytest.raises(TlsError):
            reload_context(context, folder)
        (folder / name).unlink()
        with pytest.raises(TlsError, match=f"{name}: No such file"):
            reload_context(context, folder)
        (folder / name).write_bytes(kept)
    assert served(context) == second


def served(context):
    """The certificate that a client sees."""
    server, client = socket.socketpair()

    def answer():
        with context.wrap_socket(server, server_side=True) as connection:
            connection.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    with trust.wrap_socket(client) as connection:
        found = connection.getpeercert(binary_form=True)
    thread.join(10)
    return found
