"""The second machine (K07): copies, a file that comes back, and a school that goes on while the machine is gone."""

from tests.school.box.furnishing import copy
from tests.school.box.school import School


def test_a_file_comes_back_from_the_copy(at_school: School) -> None:
    """K07, K16: it comes back into its owner's home."""
    at_school.play("""
        pc$ echo 'Liebe Oma' >/root/Brief.txt
        pc$ curl -sS --ssl-reqd --user "$EMMA" -T /root/Brief.txt ftp://server.schule.example/Home/
        server# schoolserver backup run
        pc$ curl -sS --ssl-reqd --user "$EMMA" -Q '-DELE Brief.txt' ftp://server.schule.example/Home/
        pc$ curl -sS --ssl-reqd --user "$EMMA" ftp://server.schule.example/Home/Brief.txt
        -> 78
        server# schoolserver restore emma.jaeger Brief.txt
        tablet$ lftp -u "$EMMA_LOGIN,$EMMA_PASSWORD" -e 'set ftp:ssl-force true; \
            glob -a cat /Home/Restored*/Brief.txt; bye' server.schule.example
        Liebe Oma
    """)


def test_the_schools_key_opens_one_command_over_there(at_school: School) -> None:
    """K07: who takes the school's server has not taken its copies."""
    at_school.play("""
        server# ssh -o BatchMode=yes -o UserKnownHostsFile=/var/lib/schoolserver/backup/known_hosts \
            -i /var/lib/schoolserver/backup/id_ed25519 schoolbackup@backup.schule.example 'rm -rf /srv/copies'
        -> *
        backup# ls /srv/copies
        20*
    """)


def test_the_second_machine_is_gone_and_comes_back(at_school: School) -> None:
    """The school goes on; what failed is said; the next copy is whole."""
    backup = at_school.hosts["backup"]
    backup.cut_power()
    try:
        at_school.play(
            """
            server# schoolserver backup run
            *Error*
            -> 1
            pc$ curl -sS --ssl-reqd --user "$EMMA" ftp://server.schule.example/Home/
            """,
            timeout=120,
        )
    finally:
        backup.boot()
    copy(at_school.server)
    at_school.play("""
        backup# ls -A /srv/copies
        20*
        ! incoming*
    """)
