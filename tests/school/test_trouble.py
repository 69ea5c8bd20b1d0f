"""What goes wrong in a school: names that do not resolve, a directory that is gone, a full disk."""

from tests.school.box.load import loads
from tests.school.box.school import School

_SITE = (
    "curl -sS --max-time 60 --proxy https://server.schule.example:3129 -o /dev/null -w '%{http_code}\\n'"
    ' --proxy-user "$FRED"'
)


def test_without_names_the_web_says_so_and_the_school_goes_on(at_school: School) -> None:
    """The internet's name server is gone: mail and drives do not notice."""
    try:
        at_school.play(f"""
            origin# systemctl stop names.service
            pc$ {_SITE} http://www.example.net/
            50?
            pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/
            pc$ curl -sS --ssl-reqd --user "$FRED" imap://server.schule.example/
        """)
        at_school.well()
    finally:
        at_school.hosts["origin"].run("systemctl start names.service")
    at_school.play(f"""
        pc$ {_SITE} http://www.example.net/
        200
    """)


def test_a_directory_that_is_gone_is_a_temporary_failure(at_school: School) -> None:
    """Open sessions go on, a sign-in is told to try later (never "wrong password"), and then all is well again."""
    mail = (
        "swaks --server server.schule.example:587 --tls --auth PLAIN --timeout 60 --quit-after AUTH"
        ' --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD"'
    )
    with loads(at_school.pc, 'stays ftp "$FRED_LOGIN" "$FRED_PASSWORD"') as (session,):
        session.until("in")
        try:
            at_school.play(f"""
                server# systemctl mask --runtime --now schoolserver-directory.service
                pc$ {mail}
                *454 4.*
                ! *535 *
                -> *
            """)
            assert not session.all("out")
        finally:
            at_school.server.run("systemctl unmask --runtime schoolserver-directory.service")
            at_school.server.run("systemctl start schoolserver-directory.service")
    at_school.well()
    at_school.play(f"""
        pc$ {mail}
        *235 *
    """)


def test_a_full_disk_refuses_politely_and_loses_nothing(at_school: School) -> None:
    """Before the disk is really full: 452 for mail and files, later nothing is half there."""
    mail = (
        "swaks --server server.schule.example:587 --tls --auth PLAIN --from fred.mustermann@schule.example"
        ' --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD" --to erika.lehmann@schule.example'
    )
    upload = 'curl -sS -v --ssl-reqd --user "$FRED" -T /root/full.bin ftp://server.schule.example/Home/'
    try:
        at_school.play("""
            pc$ head -c 1000000 /dev/urandom >/root/full.bin
            server# fallocate -l $(($(stat -f -c '%a * %S' /srv) - 100000000)) /srv/fill
        """)
        at_school.play(f"""
            pc$ {mail}
            *452 4.*
            ! *554 *
            -> *
            pc$ {upload}
            *452 *
            -> *
        """)
        at_school.comes("""
            server# schoolserver status
            *BAD*space data*
            -> 1
        """)
    finally:
        at_school.server.run("rm -f /srv/fill")
    at_school.well()
    at_school.play(f"""
        pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/
        ! *full.bin*
        pc$ {upload}
        pc$ {mail}
        *250 2*
    """)
