"""The server burns down (K07): a fresh Debian, our packages and the recovery sheet give the school back."""

import time
from collections.abc import Iterator

import pytest

from tests.school.box import furnishing
from tests.school.box.school import ALL, School, school

_BACK_WITHIN = 600.0
_GONE = "mia.vogel"
_BASE = "dc=schule,dc=example"
_DELETE = {
    "slapd": "ldapdelete -x -H ldapi://%2Frun%2Fschoolserver%2Fdirectory%2Fldapi.sock"
    f" -D cn=supervisor,ou=services,{_BASE} -y /var/lib/schoolserver/supervisor/directory.password"
    f" uid={_GONE},ou=people,{_BASE}",
    "domain": f"samba-tool user delete {_GONE} --configfile=/var/lib/schoolserver/domain/smb.conf",
}


@pytest.fixture(scope="module", params=["slapd", pytest.param("domain", marks=pytest.mark.soak)])
def burnt(_built: None, request: pytest.FixtureRequest) -> Iterator[tuple[School, str]]:
    """A school whose server is lost, and the snapshot of its last good day."""
    with school("bookworm", ALL, directory=request.param, spare=("fresh",)) as found:
        _work(found)
        found.server.run("schoolserver backup run", timeout=300)
        snapshot = found.hosts["backup"].run(f"ls /srv/copies/{furnishing.SCHOOL}/snapshots").split()[-1]
        _delete_for_good(found, _DELETE[request.param])
        found.server.cut_power()
        yield found, snapshot


def _work(found: School) -> None:
    """What must come back."""
    found.play("""
        pc$ echo 'Der Igel' >/root/Referat.txt
        pc$ curl -sS --ssl-reqd --user "$FRED" -T /root/Referat.txt ftp://server.schule.example/Home/
        pc$ curl -sS --ssl-reqd --user "$EMMA" -T /root/Referat.txt ftp://server.schule.example/Groups/klasse3a/
        pc$ swaks --server server.schule.example:587 --tls --auth PLAIN \
            --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD" \
            --from fred.mustermann@schule.example --to erika.lehmann@schule.example --header 'Subject: Hausaufgaben'
        *250 2*
        server# schoolserver users lock emma.jaeger --reason 'agreed with the head'
    """)


def _delete_for_good(found: School, delete: str) -> None:
    """Somebody leaves after the snapshot, and her folders go at once."""
    found.server.run(delete)
    found.comes(f"server# schoolserver folders tidy >/dev/null; schoolserver folders list\n*{_GONE}*")
    found.server.run(f"schoolserver folders remove {_GONE} --yes")
    furnishing.copy(found.server)


def test_the_school_is_back_by_the_sheet_alone(burnt: tuple[School, str]) -> None:
    found, snapshot = burnt
    fresh = found.hosts["fresh"]
    fresh.boot()
    fresh.run("hostname server")  # a domain keeps the name of its controller
    begun = time.monotonic()
    furnishing.install(fresh)
    installed = time.monotonic()
    fresh.write("/root/sheet", found.sheet, 0o600)
    said = fresh.run(
        f"schoolserver restore --everything --from backup.schule.example --sheet /root/sheet --date {snapshot}",
        timeout=_BACK_WITHIN,
    )
    ended = time.monotonic()
    print(f"{said}\npackages {installed - begun:.0f} s, restore {ended - installed:.0f} s")
    assert f"The school is as it was on {snapshot}" in said
    assert "files are not as the school's server signed them" not in said
    found.hosts["server"] = found.server = fresh
    found.play("""
        pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/Referat.txt
        Der Igel
        tablet$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Groups/klasse3a/Referat.txt
        Der Igel
        tablet$ curl -sS --ssl-reqd --user "$ERIKA" 'imap://server.schule.example/INBOX;MAILINDEX=*'
        Subject: Hausaufgaben
        pc$ curl -sS --ssl-reqd --user "$EMMA" ftp://server.schule.example/Home/
        -> 67
        server# schoolserver users unlock emma.jaeger
        server# ls -A /run/schoolserver-recovery
        -> 2
    """)


def test_who_was_deleted_since_is_deleted_again(burnt: tuple[School, str]) -> None:
    """K24."""
    found, _ = burnt
    found.comes(f"server# schoolserver users list\n! *{_GONE}*")
    found.comes(f"server# ls /srv/schoolserver/homes /srv/schoolserver/mail\n! *{_GONE}*")


def test_the_new_machine_is_paired_anew_and_all_is_well(burnt: tuple[School, str]) -> None:
    found, snapshot = burnt
    furnishing.pair(found.server, found.hosts["backup"], "--again")
    furnishing.copy(found.server)
    furnishing.fetch_lists(found.server)
    found.well()
    found.play(f"server# schoolserver backup list\n*{snapshot}*")


def test_a_machine_that_is_set_up_is_left_alone(burnt: tuple[School, str]) -> None:
    found, _ = burnt
    found.play("""
        server# schoolserver restore --everything --from backup.schule.example --sheet /root/sheet
        *is a school's server already*
        -> 2
    """)
