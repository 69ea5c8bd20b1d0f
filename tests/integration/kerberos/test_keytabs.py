"""The keytabs of our services: written from the domain's database, kept as they have to be, and new keys."""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
import subprocess

import pytest

from appliance.directory.domain.keytab_file import Key, keytab
from tests.integration.kerberos.clients import Speaker, connect_smtp, show_smtp
from tests.integration.kerberos.school import AS_OF_WHEN, REALM, SERVER, SERVICES, entry_of

AES = ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96")


def listed(path):
    """Number of the key, name and encryption of each entry, as MIT's klist reads them."""
    done = subprocess.run(["klist", "-ek", str(path)], capture_output=True, text=True, check=True)
    return [
        (int(number), name, kind.strip("()"))
        for number, name, kind in (line.split() for line in done.stdout.splitlines()[3:])
    ]


def path_of(school, part):
    return school.state / part / "krb5.keytab"


def changed(school):
    return json.loads(school.keep_keytabs().stdout)["changed"]


def entry(part):
    return f"CN={part},OU=services,DC=schule,DC=example"


def modify(school, part, change, *controls):
    """Change the account of ``part`` behind our back; the account."""
    text = f"dn: {entry(part)}\nchangetype: modify\n{change}\n" if change else ""
    return entry_of(school.domain, entry(part), text, *controls)


def test_mit_reads_what_we_write(tmp_path):
    made = keytab(REALM, ["imap/a.example", "imap/b.example"], [Key(18, 300, bytes(32)), Key(17, 299, bytes(16))])
    (tmp_path / "x").write_bytes(made)
    assert listed(tmp_path / "x") == [
        (number, f"imap/{host}.example@{REALM}", kind)
        for host in ("a", "b")
        for number, kind in zip((300, 299), AES, strict=True)
    ]


def test_one_for_each_service_and_nobody_else(school):
    for part, service in SERVICES.items():
        about, entries = path_of(school, part).stat(), listed(path_of(school, part))
        assert stat.S_IMODE(about.st_mode) == 0o400
        assert about.st_uid != 0
        assert {kind for _, _, kind in entries} == set(AES), "nothing that is weaker"
        assert {name.partition("/")[0] for _, name, _ in entries} == {service}
        assert f"{service}/{SERVER}@{REALM}" in {name for _, name, _ in entries}
    assert len({path_of(school, part).stat().st_uid for part in SERVICES}) == 3


def test_nothing_changes_without_need(school):
    before = [path_of(school, part).stat().st_mtime_ns for part in SERVICES]
    assert changed(school) == []
    assert [path_of(school, part).stat().st_mtime_ns for part in SERVICES] == before


@pytest.mark.parametrize("harm", ["gone", "open", "owner", "cut", "link"])
def test_a_file_that_is_not_as_it_should_be_is_written_anew(school, harm):
    path = path_of(school, "proxy")
    content, about = path.read_bytes(), path.stat()
    match harm:
        case "gone":
            path.unlink()
        case "open":
            path.chmod(0o444)
        case "owner":
            os.chown(path, 0, 0)
        case "cut":
            path.write_bytes(content[:100])
        case "link":
            path.rename(path.with_name("other"))
            path.symlink_to("other")
    assert changed(school) == ["proxy"]
    assert path.read_bytes() == content
    assert not path.is_symlink()
    assert (path.stat().st_mode, path.stat().st_uid) == (about.st_mode, about.st_uid)


def test_an_account_that_was_changed_is_mended(school):
    modify(school, "mail", "replace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 4")
    modify(school, "mail", f"delete: servicePrincipalName\nservicePrincipalName: smtp/{SERVER}")
    school.keep_keytabs()
    told = modify(school, "mail", "")
    assert "msDS-SupportedEncryptionTypes: 24\n" in told
    assert f"servicePrincipalName: smtp/{SERVER}\n" in told


def test_a_new_key_breaks_no_ticket(school):
    former, cache = max(number for number, _, _ in listed(path_of(school, "mail"))), school.log_on()
    modify(school, "mail", f"replace: unicodePwd\nunicodePwd:: {_password()}")
    assert changed(school) == ["mail"]
    numbers = {number for number, _, _ in listed(path_of(school, "mail"))}
    assert numbers == {former + 1, former}
    for tickets in (cache, school.log_on()):
        with connect_smtp(school) as client:
            assert show_smtp(client, Speaker(tickets, "smtp"))[0] == 235


def test_a_password_of_last_year_is_replaced(school):
    before = {number for number, _, _ in listed(path_of(school, "proxy"))}
    modify(school, "proxy", "replace: pwdLastSet\npwdLastSet: 133800000000000000", AS_OF_WHEN)
    assert changed(school) == ["proxy"]
    assert max(number for number, _, _ in listed(path_of(school, "proxy"))) == max(before) + 1
    assert changed(school) == []


def _password():
    return base64.b64encode(f'"{secrets.token_urlsafe(20)}-Aa1"'.encode("utf-16-le")).decode()
