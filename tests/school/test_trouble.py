"""What goes wrong in a school: names that do not resolve, a directory that is gone, a full disk."""

from tests.school.box.load import loads
from tests.school.box.school import School

_SITE = (
    "curl -sS --max-time 60 --proxy https://server.schule.example:3129 -o /dev/null -w '%{http_code}\\n'"
    ' --proxy-user "$FRED"'
)
_MAIL = (
    "swaks --server server.schule.example:587 --tls --auth PLAIN"
    ' --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD"'
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
    at_school.comes(f"""
        pc$ {_SITE} http://www.example.net/
        200
    """)


def test_a_port_that_another_program_has_costs_that_port_only(at_school: School) -> None:
    """Others had ports 25 and 993 first: people write and read as before, and status and journal say what to do."""
    units = ("mail", "submissions", "smtp", "imap", "imaps")
    sockets = " ".join(f"schoolserver-{name}.socket" for name in units)
    services = "schoolserver-mail.service schoolserver-imap.service"
    try:
        at_school.play(f"""
            server# systemctl stop {sockets} {services}
            server# systemd-run -q --unit=other-25 python3 -m http.server --bind 127.0.0.1 25
            server# systemd-run -q --unit=other-993 python3 -m http.server --bind 127.0.0.1 993
            server# until [ $(ss -Hltn 'sport = :25 or sport = :993' | wc -l) = 2 ]; do sleep 0.1; done
            server# systemctl start {services}
            server# systemctl is-failed schoolserver-smtp.socket schoolserver-imaps.socket
            failed
            failed
            pc$ {_MAIL} --quit-after AUTH
            *235 *
            pc$ curl -sS --ssl-reqd --user "$FRED" imap://server.schule.example/
            *INBOX*
            server# journalctl -u schoolserver-mail.service -n 20
            *nothing listens for smtp*network.yaml: listen.smtp*
        """)
        at_school.comes("""
            server# schoolserver status --json
            *nothing listens for smtp: see systemctl status schoolserver-smtp.socket; then: *
            *nothing listens for imaps: see systemctl status schoolserver-imaps.socket; then: *
            -> 1
        """)
    finally:
        at_school.server.run("systemctl stop other-25.service other-993.service")
        at_school.server.run(f"systemctl restart {services}")
    at_school.well()
    at_school.play(f"""
        server# systemctl is-active {sockets}
        ! failed
    """)


def test_a_directory_that_is_gone_is_a_temporary_failure(at_school: School) -> None:
    """Open sessions go on, a sign-in is told to try later (never "wrong password"), and then all is well again."""
    mail = f"{_MAIL} --timeout 60 --quit-after AUTH"
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
    mail = f"{_MAIL} --from fred.mustermann@schule.example --to erika.lehmann@schule.example"
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
