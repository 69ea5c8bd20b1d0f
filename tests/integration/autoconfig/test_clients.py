"""What real clients get: curl with names and certificates checked, and the parsers of the programs' own formats."""

import plistlib
import subprocess
from xml.etree import ElementTree as Xml

import pytest

from appliance.settings.names import certified_names
from tests.integration.support_place import DOMAIN

OUTLOOK = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
QUESTION = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    "<EMailAddress>{}</EMailAddress><AcceptableResponseSchema>"
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    "</AcceptableResponseSchema></Request></Autodiscover>"
)


def curl(school, url: str, *more: str, check: bool = True) -> bytes:
    """Ask as a client that knows the names of the school by DNS and trusts its authority."""
    name, port = url.split("//")[1].split("/")[0].split(":")
    argv = ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert", str(school.ca)]
    argv += ["--connect-to", f"{name}:{port}:127.0.0.1:{port}", *more, url]
    return subprocess.run(argv, capture_output=True, check=check, timeout=30).stdout


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        (f"autoconfig.{DOMAIN}", f"/mail/config-v1.1.xml?emailaddress=fred.mustermann%40{DOMAIN}"),
        (DOMAIN, "/.well-known/autoconfig/mail/config-v1.1.xml"),
    ],
)
def test_thunderbird_finds_its_file_at_both_places(school, scheme, name, path):
    found = Xml.fromstring(curl(school, school.url(scheme, path, name), "--fail"))
    assert found.findtext("emailProvider/domain") == DOMAIN
    hosts = {one.text for one in found.iter("hostname")}
    assert hosts == {f"mail.{DOMAIN}"}
    assert hosts <= set(certified_names(school.settings, "imap")), "TLS to it would fail"


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
@pytest.mark.parametrize("name", [f"autodiscover.{DOMAIN}", DOMAIN])
def test_outlook_is_answered(school, name, path):
    body = QUESTION.format(f"fred.mustermann@{DOMAIN}")
    said = curl(school, school.url("https", path, name), "--data-binary", body, "-H", "Content-Type: text/xml")
    protocols = Xml.fromstring(said).findall(f".//{OUTLOOK}Protocol")
    assert [one.findtext(f"{OUTLOOK}Type") for one in protocols] == ["IMAP", "SMTP"]


def test_outlook_is_sent_on_to_tls_by_the_name_it_asked_for(school):
    url = school.url("http", "/autodiscover/autodiscover.xml", f"autodiscover.{DOMAIN}")
    said = curl(school, url, "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}").decode()
    assert said == f"302 https://autodiscover.{DOMAIN}:{school.ports['https']}/autodiscover/autodiscover.xml"


def test_nobody_is_sent_on_to_a_name_that_is_not_ours(school):
    url = school.url("http", "/mail.mobileconfig")
    said = curl(school, url, "-H", "Host: evil.example", "-o", "/dev/null", "-w", "%{redirect_url}").decode()
    assert said == school.url("https", "/mail.mobileconfig")


def verified(school, tmp_path, path: str) -> dict:
    """Fetch a profile, let OpenSSL check its signature and its chain, and read it as a device does."""
    signed, content = tmp_path / "signed", tmp_path / "content"
    signed.write_bytes(curl(school, school.url("https", path), "--fail"))
    argv = ["openssl", "cms", "-verify", "-inform", "DER", "-in", signed, "-CAfile", school.ca, "-purpose", "sslserver"]
    subprocess.run([*argv, "-binary", "-out", content], check=True, capture_output=True, timeout=20)
    return plistlib.loads(content.read_bytes())


def test_a_profile_is_signed_by_the_school_and_sets_up_mail(school, tmp_path):
    found = verified(school, tmp_path, f"/mail.mobileconfig?emailaddress=Fred.Mustermann%40{DOMAIN}")
    mail, authority = found["PayloadContent"]
    assert (mail["PayloadType"], mail["EmailAddress"]) == ("com.apple.mail.managed", f"fred.mustermann@{DOMAIN}")
    assert mail["IncomingMailServerUsername"] == mail["OutgoingMailServerUsername"] == "fred.mustermann"
    der = subprocess.run(["openssl", "x509", "-in", school.ca, "-outform", "DER"], capture_output=True, check=True)
    assert authority["PayloadContent"] == der.stdout


def test_a_profile_that_was_changed_is_no_longer_signed(school, tmp_path):
    signed = tmp_path / "signed"
    content = curl(school, school.url("https", "/mail.mobileconfig"), "--fail")
    changed = content.replace(b"EmailTypeIMAP", b"EmailTypePOP3", 1)
    assert changed != content
    signed.write_bytes(changed)
    argv = ["openssl", "cms", "-verify", "-inform", "DER", "-in", signed, "-CAfile", school.ca, "-purpose", "sslserver"]
    assert subprocess.run([*argv, "-out", "/dev/null"], capture_output=True, timeout=20).returncode != 0


def test_without_an_address_the_device_asks_for_it(school, tmp_path):
    mail, _ = verified(school, tmp_path, "/mail.mobileconfig")["PayloadContent"]
    assert not {"EmailAddress", "IncomingMailServerUsername", "OutgoingMailServerUsername"} & mail.keys()


def test_the_certificate_is_the_authority_and_its_fingerprint_stands_on_the_page(school):
    found = curl(school, school.url("http", "/ca.crt"), "--fail")
    argv = ["openssl", "x509", "-inform", "DER", "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(argv, input=found, capture_output=True, check=True).stdout.decode()
    page = curl(school, school.url("http", "/"), "--fail").decode()
    assert said.partition("=")[2].strip() in page


@pytest.mark.parametrize(("wanted", "told"), [("de", "Andere Programme"), ("en-GB,en;q=0.8", "Other programs")])
def test_the_page_is_german_or_english(school, wanted, told):
    page = curl(school, school.url("https", "/"), "--fail", "-H", f"Accept-Language: {wanted}").decode()
    assert told in page
    assert "Grundschule am &lt;Park&gt;" in page
    assert "<script" not in page


def test_a_name_that_is_not_ours_is_no_name_of_our_certificate(school):
    curl(school, school.url("https", "/", f"autodiscover.{DOMAIN}"), "--fail")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        curl(school, school.url("https", "/", f"other.{DOMAIN}"))
    assert refused.value.returncode == 60, "curl: the certificate is for another name"


def test_it_is_told_to_nobody_whether_an_account_exists(school):
    """The same for everybody but for the name that was sent; and nothing of it stands in the journal."""
    said = {}
    for login in ("fred.mustermann", "nobody.atall"):
        body = QUESTION.format(f"{login}@{DOMAIN}")
        url = school.url("https", "/autodiscover/autodiscover.xml", f"autodiscover.{DOMAIN}")
        said[login] = curl(school, url, "--data-binary", body).replace(login.encode(), b"LOGIN")
    assert said["fred.mustermann"] == said["nobody.atall"]
    assert b"fred" not in school.log.read_bytes() and b"nobody" not in school.log.read_bytes()
