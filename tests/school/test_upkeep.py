"""What the carer does while the school works: upgrades, restarts, new settings, a renewed certificate."""

from collections.abc import Sequence

from tests.school.box.furnishing import PACKAGES
from tests.school.box.load import Load, loads
from tests.school.box.school import School

_FRED = '"$FRED_LOGIN" "$FRED_PASSWORD"'
_WORK = (
    f"mails {_FRED} erika.lehmann@schule.example",
    f"files {_FRED} /Home",
    f"pages {_FRED} http://www.example.net/",
)
_DONE = ("accepted", "stored", "200")


def test_an_upgrade_at_noon_refuses_no_connection(at_school: School) -> None:
    """The packages over themselves while mails, uploads and pages go on: all that was taken is there."""
    with loads(at_school.pc, *_WORK) as working:
        _each_does(working, 3)
        at_school.server.run(f"apt-get -y -q --reinstall install {PACKAGES}/*.deb", timeout=300)
        _each_does(working, 3)
        _none_was_refused(working)
    at_school.well()
    _all_is_there(at_school, working)
    at_school.play("""
        server# dpkg --audit
        ! *
    """)


def test_a_part_that_is_new_has_its_certificate_at_once(at_school: School) -> None:
    """As after an upgrade from a version that did not have it: without another run of setup."""
    at_school.server.run("systemctl stop schoolserver-autoconfig && rm -r /var/lib/schoolserver/autoconfig")
    at_school.server.run(f"apt-get -y -q --reinstall install {PACKAGES}/schoolserver-mail_*.deb", timeout=300)
    at_school.well()
    at_school.play("""
        pc$ curl -sS --connect-to ::server.schule.example: https://autoconfig.schule.example/ | grep -c '<h1>'
        1
    """)


def test_a_restart_of_every_service_refuses_no_connection(at_school: School) -> None:
    """Sockets stay open meanwhile; who comes then waits a moment."""
    with loads(at_school.pc, *_WORK) as working:
        _each_does(working, 1)
        at_school.server.run("systemctl restart 'schoolserver-*.service'", timeout=120)
        _each_does(working, 3)
        _none_was_refused(working)
    at_school.well()
    _all_is_there(at_school, working)


def test_a_reload_brings_new_settings_and_ends_no_session(at_school: School) -> None:
    """K12: `systemctl reload` returns when the new limit acts; wrong settings are refused and change nothing."""
    put = 'curl -sS --ssl-reqd --user "$FRED" -T /root/small ftp://server.schule.example/Home'
    with loads(at_school.pc, f"stays imap {_FRED}", f"stays ftp {_FRED}") as sessions:
        for session in sessions:
            session.until("in")
        try:
            at_school.play(f"""
                pc$ head -c 2000000 /dev/zero >/root/small
                pc$ {put}/before
                server# echo 'limits: {{upload: 1 MB}}' >/etc/schoolserver/access.yaml
                server# schoolserver reload
                pc$ {put}/meanwhile
                -> *
                pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/
                ! *meanwhile*
                server# echo 'limits: {{uplaod: 1 MB}}' >/etc/schoolserver/access.yaml
                server# schoolserver reload
                *upload*
                -> *
                server# schoolserver status
            """)
        finally:
            at_school.server.run("rm /etc/schoolserver/access.yaml && schoolserver reload")
        at_school.play(f"""
            pc$ {put}/after
            server# systemctl reload schoolserver-mail schoolserver-fileshare schoolserver-proxy schoolserver-imap
            pc$ curl -sS --ssl-reqd --user "$FRED" -Q '-DELE before' -Q '-DELE after' ftp://server.schule.example/Home/
        """)
        assert not any(session.all("out") for session in sessions)


def test_the_carer_sees_how_it_is_in_one_line(at_school: School) -> None:
    at_school.comes("""
        server# systemctl status schoolserver
        *Status: "well; 12 units, 60 accounts"
    """)


def _each_does(working: Sequence[Load], times: int) -> None:
    for load, word in zip(working, _DONE, strict=True):
        load.until(word, times)


def _none_was_refused(working: Sequence[Load]) -> None:
    for load in working:
        load.end()
    told = [trouble for load in working for trouble in load.all("trouble")]
    assert not [trouble for trouble in told if trouble[0] == "ConnectionRefusedError"], told


def _all_is_there(at_school: School, working: Sequence[Load]) -> None:
    mails, files, _pages = working
    assert {words[0] for words in mails.all("accepted")} <= set(at_school.inbox("ERIKA"))
    there = at_school.digests("FRED", "/Home")
    lost = [name for name, digest in files.all("stored") if there.get(name) != digest]
    assert not lost
    at_school.play("""
        server# systemctl --failed --no-legend
        ! *
        pc$ lftp -u "$FRED_LOGIN,$FRED_PASSWORD" -e 'set ftp:ssl-force true; glob rm /Home/*.bin; bye' \\
            server.schule.example
    """)
