"""The school's own certificate, its judgement, its renewal, and the daily look at all of them."""

import ssl
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.daemon.authority import standing
from appliance.daemon.tls import server_context
from appliance.settings.load import load
from appliance.setup.install import install
from appliance.setup.own_pair import PairProblem, covers, read_pair
from appliance.setup.plan import Wrong
from appliance.setup.renew import renew
from tests.integration.setup.machine import ROOT

KEY = rsa.generate_private_key(65537, 2048)
NAMES = ("mail.see.example", "*.see.example")


def certificate(names=NAMES, *, begins=-1, ends=90, key=KEY, use=ExtendedKeyUsageOID.SERVER_AUTH):
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A small authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def private(key=KEY, password=None):
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, lock)


@pytest.fixture
def pair(tmp_path):
    """Two files, as an ACME client leaves them; called again it is the next renewal."""

    def write(chain=None, key=None):
        (tmp_path / "fullchain.pem").write_bytes(chain or certificate())
        (tmp_path / "privkey.pem").write_bytes(key or private())
        return tmp_path / "fullchain.pem", tmp_path / "privkey.pem"

    return write


def test_a_good_pair_is_read_and_a_doubt_is_told(pair):
    found = read_pair(*pair(), ("mail.see.example", "10.1.0.2"))
    assert found.names == NAMES
    assert "this machine itself does not believe" in found.warnings[0], "nobody here trusts that small authority"


OTHER = rsa.generate_private_key(65537, 2048)
BAD = [
    ({"chain": b"nonsense"}, "is no certificate in PEM"),
    ({"key": b"nonsense"}, "is no private key in PEM"),
    ({"key": private(OTHER)}, "is not the key of"),
    ({"key": private(password=b"secret")}, "locked with a password"),
    ({"chain": certificate(begins=-9, ends=-2)}, "it ended on"),
    ({"chain": certificate(begins=2)}, "is this machine's clock right?"),
    ({"chain": certificate(["mail.berg.example"])}, "it is for mail.berg.example, not for mail.see.example"),
    ({"chain": certificate(use=ExtendedKeyUsageOID.CLIENT_AUTH)}, "it is not for servers"),
]


@pytest.mark.parametrize(("files", "problem"), BAD, ids=[problem for _, problem in BAD])
def test_what_cannot_be_used_is_told(pair, files, problem):
    with pytest.raises(PairProblem) as raised:
        read_pair(*pair(**files), ("mail.see.example",))
    assert problem in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PairProblem, match=r"fullchain\.pem cannot be read: No such file"):
        read_pair(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")


@pytest.mark.parametrize(
    ("names", "name", "good"),
    [
        (["*.see.example"], "mail.see.example", True),
        (["*.see.example"], "a.mail.see.example", False),
        (["*.see.example"], "see.example", False),
        (["see.example"], "see.example", True),
    ],
)
def test_a_wildcard_is_good_for_one_label(names, name, good):
    assert covers(names, name) is good


def served(machine, part):
    folder = load(machine.places.settings).server.state / part / "tls"
    server_context(folder)
    return standing(folder / "cert.pem")


def test_setup_takes_the_school_s_own_and_goes_back(machine, pair):
    machine.answers.write_text(machine.answers.read_text().replace(", 10.1.0.2", ""))
    files = pair()
    with machine.answers.open("a") as answers:
        answers.write(f"certificate: {files[0]}\nkey: {files[1]}\n")
    done = machine.answered()
    assert done.returncode == 0, done.stderr
    assert {served(machine, part).names for part in ("mail", "imap", "autoconfig", "proxy", "fileshare")} == {NAMES}
    assert "Let PCs and tablets trust" not in done.stdout
    text = machine.answers.read_text()
    machine.answers.write_text(text.replace(str(files[0]), "null").replace(str(files[1]), "null"))
    assert machine.answered().returncode == 0
    assert "localhost" in served(machine, "mail").names


@pytest.mark.parametrize(("names", "told"), [(NAMES, False), (("mail.see.example",), True)], ids=["wild", "one"])
def test_setup_says_where_mail_programs_will_ask_in_vain(machine, pair, names, told):
    machine.answers.write_text(machine.answers.read_text().replace(", 10.1.0.2", ""))
    files = pair(chain=certificate(names))
    with machine.answers.open("a") as answers:
        answers.write(f"certificate: {files[0]}\nkey: {files[1]}\n")
    done = machine.answered()
    assert done.returncode == 0, done.stderr
    assert ("is not for autoconfig.see.example and autodiscover.see.example" in done.stdout + done.stderr) == told


def test_a_pair_that_does_not_fit_changes_nothing(machine, pair):
    files = pair(key=private(OTHER))
    with machine.answers.open("a") as answers:
        answers.write(f"certificate: {files[0]}\nkey: {files[1]}\n")
    before = machine.tree()
    done = machine.answered()
    assert done.returncode == 2
    assert "is not the key of" in done.stderr
    assert machine.tree() == before


def test_the_deploy_hook_installs_a_renewal_and_tells_running_parts_without_a_restart(machine, pair):
    machine.answered()
    (machine.memory / "schoolserver-imap.service.is-active").touch()
    done = machine.run("certificates", "--install", *pair())
    assert done.returncode == 0, done.stderr
    assert "is in use by mail, imap, autoconfig, proxy, fileshare" in done.stdout
    assert machine.log_lines()[-1] == "reload schoolserver-imap.service"
    again = machine.run("certificates", "--install", *pair(chain=certificate(ends=80)))
    assert "is in use by" in again.stdout
    assert served(machine, "mail").ends < datetime.now(UTC) + timedelta(days=81)
    assert "Nothing changes: everything is as it should be already." in machine.answered("--dry-run").stdout


def test_the_deploy_hook_refuses_what_is_wrong_and_keeps_what_is_there(machine, pair):
    machine.answered()
    before = machine.tree()
    done = machine.run("certificates", "--install", *pair(chain=certificate(["mail.berg.example"])))
    assert done.returncode == 1
    assert "it is for mail.berg.example, not for mail.see.example" in done.stderr
    assert machine.tree() == before


def test_before_setup_there_is_nothing_to_install_it_for(machine, pair):
    done = machine.run("certificates", "--install", *pair())
    assert (done.returncode, done.stderr) == (
        2,
        "the server is not set up yet; give the certificate to schoolserver setup itself\nNothing was changed.\n",
    )


def test_the_daily_look_renews_what_nears_its_end_and_nothing_else(machine):
    machine.answered()
    (machine.memory / "schoolserver-mail.service.is-active").touch()
    assert renew(machine.places, machine) == []
    settings = load(machine.places.settings)
    short_lived(settings, "mail")
    assert renew(machine.places, machine) == ["mail"]
    assert machine.log_lines()[-1] == "reload schoolserver-mail.service"
    assert served(machine, "mail").ends > datetime.now(UTC) + timedelta(days=300)


def short_lived(settings, part):
    """Put a certificate in place that the authority made a year ago."""
    from appliance.daemon.authority import issue
    from appliance.setup import certificates

    then = datetime.now(UTC) - timedelta(days=380)
    folder = settings.server.state / part / "tls"
    for path in folder.iterdir():
        path.unlink()
    issue(certificates.local_authority(settings), folder, certificates.names(settings), None, then)


def test_the_daily_look_takes_over_files_that_somebody_renewed(machine, pair):
    machine.answered()
    machine.run("certificates", "--install", *pair())
    pair(chain=certificate(ends=60))
    assert renew(machine.places, machine) == ["mail", "imap", "autoconfig", "proxy", "fileshare"]


def test_the_daily_look_keeps_the_pair_when_the_files_are_gone(machine, pair):
    machine.answered()
    files = pair()
    machine.run("certificates", "--install", *files)
    files[1].unlink()
    with pytest.raises(PairProblem, match="cannot be read"):
        renew(machine.places, machine)
    served(machine, "mail")


def test_as_a_program_it_leaves_a_machine_alone_that_is_not_set_up(machine):
    """The command of the unit; this machine has no server installed."""
    done = subprocess.run(
        ["/usr/bin/python3", "-P", "-m", "appliance.setup.renew", "--settings", str(machine.places.settings)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "info certificates: nothing is set up yet\n")


def test_the_trial_handshake_needs_no_network_and_believes_whom_the_machine_believes(pair, monkeypatch):
    chain, key = pair()
    monkeypatch.setattr(ssl, "create_default_context", lambda make=ssl.create_default_context: make(cafile=str(chain)))
    assert read_pair(chain, key).warnings == ()


def test_files_that_the_daily_renewal_could_not_see_are_refused_at_once(machine, pair):
    machine.answered()
    files = pair()
    places = replace(machine.places, closed=(files[0].parent,))
    with pytest.raises(Wrong, match=r"fullchain\.pem lies in .*, into which the daily renewal may not look"):
        install(places, machine, *files)
    assert "localhost" in served(machine, "mail").names
