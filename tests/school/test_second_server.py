"""A second domain controller, joined by the carer with Debian's own Samba: it knows what the server knows."""

from collections.abc import Iterator

import pytest

from tests.integration.demo.waiting import eventually
from tests.school.box.layers import ROOT
from tests.school.box.school import School, school

pytestmark = pytest.mark.soak

_LOGIN, _NEW, _WEAK = "emma.jaeger", "Neues+Fenster55", "Passwort-2026"
_SOON = 60.0
"""Seconds; Samba tells its partners of changes after some five."""
_LATER = 700.0
"""Seconds; of one that came newly Samba takes note every five minutes, and then asks it every five minutes."""
_ADDRESSES = {"server": "10.88.0.1", "second": "127.0.0.1"}
_JOIN = (
    "samba-tool domain join schule.example DC -U Administrator --dns-backend=SAMBA_INTERNAL"
    ' --option="idmap_ldb:use rfc2307 = yes"'
)
_AFTERWARDS = (
    "cp /var/lib/samba/private/krb5.conf /etc/krb5.conf",
    "systemctl unmask samba-ad-dc && systemctl enable --now samba-ad-dc",
)
_ONE_KDC = """[libdefaults]
default_realm = SCHULE.EXAMPLE
[realms]
SCHULE.EXAMPLE = {{
 kdc = {address}
}}
"""


@pytest.fixture(scope="module")
def both(_built: None) -> Iterator[School]:
    """The school, and a second server that has joined as the handbook says."""
    with school("bookworm", ("origin", "pc", "second", "server"), directory="domain") as found:
        second = found.hosts["second"]
        # The layer of the box has more than a fresh Debian.
        second.run("systemctl disable --now slapd.service dovecot.socket dovecot.service; systemctl stop slapd.service")
        second.run("systemctl disable --now smbd nmbd winbind; rm -f /etc/samba/smb.conf")
        second.write("/etc/hosts", "127.0.0.1 localhost\n10.88.0.3 second.schule.example second\n")
        second.write("/etc/resolv.conf", "nameserver 10.88.0.1\n")
        for name, address in _ADDRESSES.items():
            second.write(f"/root/{name}.conf", _ONE_KDC.format(address=address))
        password = found.server.read("/var/lib/schoolserver/domain/administrator.password").decode()
        second.run(_JOIN, stdin=f"{password}\n", timeout=180)
        for command in _AFTERWARDS:
            second.run(command, timeout=120)
        found.comes("second# samba-tool drs showrepl --summary\n[[]ALL GOOD]", within=_SOON)
        yield found


def _opens(both: School, password: str, at: str = "second") -> bool:
    """Whether this one of the two gives a ticket for it."""
    kinit = f"KRB5_CONFIG=/root/{at}.conf kinit -c /root/cache {_LOGIN}"
    return both.hosts["second"].attempt(kinit, stdin=f"{password}\n").code == 0


def test_the_handbook_says_how() -> None:
    handbook = (ROOT / "docs" / "handbook.md").read_text(encoding="utf-8")
    for command in (_JOIN, *_AFTERWARDS):
        assert f"    {command}\n" in handbook.replace(" \\\n       ", "")


def test_passwords_and_locks_reach_the_second_and_the_server_goes_on(both: School) -> None:
    old = both.server.environment["EMMA_PASSWORD"]
    both.well()
    both.server.run(f"schoolserver passwd {_LOGIN} --stdin", stdin=f"{old}\n{_NEW}\n")
    eventually(lambda: _opens(both, _NEW), _SOON, "the new password at the second")
    assert not _opens(both, old)
    both.server.run(f"schoolserver users lock {_LOGIN} --reason 'agreed with the head'")
    eventually(lambda: not _opens(both, _NEW), _SOON, "the lock at the second")
    both.server.run(f"schoolserver users unlock {_LOGIN}")
    eventually(lambda: _opens(both, _NEW), _SOON, "no lock at the second")
    both.well()


def test_what_the_second_says_the_server_takes_over(both: School) -> None:
    """K02 is not asked there: the handbook says so."""
    both.hosts["second"].run(f"samba-tool user setpassword {_LOGIN} --newpassword={_WEAK}")
    eventually(lambda: _opens(both, _WEAK, "server"), _LATER, "the password of the second at the server")
    assert not _opens(both, _NEW, "server")
    both.play(f"pc$ curl -sS --ssl-reqd --user {_LOGIN}:{_WEAK} imap://server.schule.example/")


def test_the_second_goes_on_alone_and_the_server_comes_back(both: School) -> None:
    both.server.run("systemctl stop schoolserver-domain.service")
    assert _opens(both, _WEAK)
    both.hosts["second"].run(f"samba-tool user setpassword {_LOGIN} --newpassword={_NEW}")
    both.server.run("systemctl start schoolserver-domain.service")
    both.well()
    eventually(lambda: _opens(both, _NEW, "server"), _SOON, "what was missed")
    both.play(f"pc$ curl -sS --ssl-reqd --user {_LOGIN}:{_NEW} imap://server.schule.example/")
