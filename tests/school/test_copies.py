"""The second machine (K07): copies, a file that comes back, and a school that goes on while the machine is gone."""

from tests.school.box.furnishing import copy, pair
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
        server# schoolserver restore --user emma.jaeger --path Brief.txt
        tablet$ lftp -u "$EMMA_LOGIN,$EMMA_PASSWORD" -e 'set ftp:ssl-force true; \
            glob -a cat /Home/Wiederhergestellt*/Brief.txt; bye' server.schule.example
        Liebe Oma
    """)


def test_the_schools_key_opens_one_command_over_there(at_school: School) -> None:
    """K07: who takes the school's server has not taken its copies."""
    at_school.play("""
        server# ssh -o BatchMode=yes -o UserKnownHostsFile=/var/lib/schoolserver/backup/ssh/known_hosts \
            -i /var/lib/schoolserver/backup/ssh/key schoolbackup-kiste@backup.schule.example 'rm -rf /srv/copies/kiste'
        refused: *
        -> 3
        backup# ls /srv/copies/kiste/snapshots
        20*
        backup# su -s /bin/sh schoolbackup-kiste -c 'echo x >>/var/lib/schoolbackup/kiste/.ssh/authorized_keys'
        *Permission denied*
        -> *
    """)


def test_a_second_pairing_has_to_be_said(at_school: School) -> None:
    """A new sheet is another key: the one of before reads no more."""
    at_school.play("""
        backup# schoolserver-backup-server pair kiste
        *--again*
        -> 1
        server# schoolserver backup pair
        *--again*
        -> 1
    """)
    before = at_school.hosts["backup"].read("/var/lib/schoolbackup/kiste/.ssh/authorized_keys").decode().splitlines()
    sheet = pair(at_school.server, at_school.hosts["backup"], "--again")
    after = at_school.hosts["backup"].read("/var/lib/schoolbackup/kiste/.ssh/authorized_keys").decode().splitlines()
    assert "RECOVERY SHEET" in sheet
    assert after[0] == before[0], "the school's own key stays"
    assert after[1] != before[1]
    copy(at_school.server)


def test_the_backup_server_mails_what_is_wrong_and_says_it_once(at_school: School) -> None:
    """A disk that is not mounted is said, and when it is back; the unit fails meanwhile."""
    at_school.hosts["backup"].write("/usr/sbin/sendmail", "#!/bin/sh\ncat >>/var/mail/carer\n", 0o755)
    at_school.play("""
        backup# systemctl start schoolbackup-watch.service
        backup# mv /srv/copies/kiste /srv/elsewhere
        backup# systemctl start schoolbackup-watch.service
        -> 1
        backup# systemctl start schoolbackup-watch.service
        -> 1
        backup# grep -c 'mounted?' /var/mail/carer
        1
        backup# mv /srv/elsewhere /srv/copies/kiste
        backup# systemctl start schoolbackup-watch.service
        backup# grep Subject /var/mail/carer
        *all is well again
        backup# systemctl start schoolbackup-forget.service
        backup# schoolserver-backup-server list
        kiste: *
        backup# systemctl list-timers --all --no-legend 'schoolbackup-*'
        *schoolbackup-*
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
        backup# ls -A /srv/copies/kiste/snapshots
        20*
        ! .new*
    """)
