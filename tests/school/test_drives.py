"""The drives on a pupil's day: over SMB by the ticket of who logged on at the PC, and over FTP with TLS.

On Debian 12 and on Debian 13; the units run in their sandboxes, the PC is one that has joined the domain.
"""

import pytest

from tests.integration.demo.waiting import eventually
from tests.school.box.furnishing import PACKAGES, PEOPLE
from tests.school.box.load import Load
from tests.school.box.school import School

_AT_ONCE = 2.0
_SOON = 30.0
_SERVER = "smb://server.schule.example"
_DATA = "/srv/schoolserver"
_FRED = '"$FRED_LOGIN" "$FRED_PASSWORD"'
_BY_FTP = 'curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example'
_BY_FTPS = 'curl -sS --user "$FRED" ftps://server.schule.example'


def _does(share: str, commands: str) -> str:
    """Commands of smbclient for who is logged on."""
    return f"by_ticket.py opens {_SERVER}/{share} '{commands}'"


def _logged_on(commands: str, who: str = _FRED) -> str:
    return f'log-on {who} "{commands}"'


@pytest.fixture
def at_pc(joined: School) -> School:
    """The school, well."""
    joined.well()
    return joined


def test_who_is_logged_on_has_his_home_without_a_password(at_pc: School) -> None:
    """K05, K22: what he puts there is his alone, and the same file over FTP, whichever way TLS begins."""
    puts = f"echo Der Igel >essay; {_does('Home', 'put essay Referat.txt; get Referat.txt -; mkdir Bio')}"
    at_pc.play(f"""
        desk$ {_logged_on(puts)}
        -- logged on --
        Der Igel*
        pc$ {_BY_FTP}/Home/Referat.txt
        Der Igel
        pc$ {_BY_FTPS}/Home/Referat.txt
        Der Igel
        pc$ echo 'Das Reh' >/root/reh && {_BY_FTPS}/Home/ -T /root/reh
        desk$ {_logged_on(_does("Home", "get reh -; ls Bio; ls Referat.txt"))}
        -- logged on --
        Das Reh*
        *Bio *
        *Referat.txt *
        desk$ {_logged_on(f"kdestroy; {_does('Home', 'ls')}")}
        -- logged on --
        -> *
        ! *Referat*
    """)
    number = at_pc.server.run(f"stat -c %u {_DATA}/homes/fred.mustermann").strip()
    at_pc.play(f"""
        server# cd {_DATA}/homes/fred.mustermann && stat -c '%n %a %u' Referat.txt reh Bio
        Referat.txt 600 {number}
        reh 6?0 {number}
        Bio 700 {number}
        desk$ {_logged_on(_does("Home", "del Referat.txt; del reh; rmdir Bio"))}
        -- logged on --
        ! *NT_STATUS*
        server# ls {_DATA}/homes/fred.mustermann
        ! *
    """)


def test_the_class_shares_its_folder_and_nobody_else_sees_it(at_pc: School) -> None:
    """K05: the file manager's list leads there; the staff's folder is closed to a pupil."""
    group = at_pc.server.run(f"stat -c %g {_DATA}/groups/klasse3a").strip()
    in_class = _does("Groups", "cd klasse3a; mkdir Bio; cd Bio; put /etc/hostname Igel.txt")
    at_pc.play(f"""
        desk$ {_logged_on(f"{in_class}; {_does('Staff', 'ls')}")}
        -- logged on --
        *NT_STATUS_ACCESS_DENIED*
        -> *
        desk$ {_logged_on("by_ticket.py lists")}
        -- logged on --
        *klasse3a *
        ! *klasse3b*
        ! *NT_STATUS*
        server# cd {_DATA}/groups/klasse3a && stat -c '%n %a %g' Bio Bio/Igel.txt
        Bio 2770 {group}
        Bio/Igel.txt 660 {group}
        pc$ curl -sS --ssl-reqd --user "$EMMA" ftp://server.schule.example/Groups/klasse3a/Bio/Igel.txt
        pc-12-02
        desk$ {_logged_on("by_ticket.py lists | sort", '"$ERIKA_LOGIN" "$ERIKA_PASSWORD"')}
        -- logged on --
        *klasse3a *
        *klasse3b *
        ! *NT_STATUS*
        server# rm -r {_DATA}/groups/klasse3a/Bio
    """)


def test_the_limit_holds_over_smb_and_nothing_is_left(at_pc: School) -> None:
    """K12: as in every service; the kernel stops the upload, the door takes away what was cut."""
    film = "head -c 25000000 /dev/zero >film; head -c 15000000 /dev/zero >song"
    at_pc.play(f"""
        desk$ {_logged_on(f"{film}; {_does('Home', 'put song; put film')}")}
        -- logged on --
        *NT_STATUS_*
        -> *
        pc$ head -c 25000000 /dev/zero >/root/film && {_BY_FTPS}/Home/ -T /root/film
        -> *
    """)
    at_pc.comes(f"server# ls -A {_DATA}/homes/fred.mustermann\n! film\n! .*", within=_SOON)
    at_pc.play(f"server# cd {_DATA}/homes/fred.mustermann && stat -c %s song && rm song\n15000000")


def test_a_lock_ends_his_session_also_past_a_door_that_was_killed(at_pc: School) -> None:
    """K18: within two seconds; the door's next process knows who sits there. Unlocked he gets in again."""
    told = "/var/local/told"  # what is in his own places goes with his session
    at_pc.play(f"desk# install -o fred.mustermann /dev/null {told}")
    session = Load(at_pc.hosts["desk"], _logged_on(f"by_ticket.py stays {_SERVER}/Home >{told}"))
    said = f"desk# cat {told}"
    try:
        at_pc.comes(f"{said}\nin")
        at_pc.server.run("systemctl kill --signal=KILL --kill-whom=main schoolserver-smb.service")
        at_pc.comes("server# systemctl is-active schoolserver-smb.service\nactive", within=_SOON)
        at_pc.play(f"{said}\nin\n! out")
        at_pc.server.run("schoolserver users lock fred.mustermann --reason 'agreed with the head'")
        at_pc.comes(f"{said}\nin\nout", within=_AT_ONCE)
    finally:
        at_pc.server.attempt("schoolserver users unlock fred.mustermann")
        session.stop()
    at_pc.comes(f"desk$ {_logged_on(_does('Home', 'ls'))}\n*blocks*", within=_SOON)


@pytest.mark.rather_on("bookworm")
def test_the_carer_sees_how_the_drives_stand(at_pc: School) -> None:
    """Status proves them by the hidden account; without the door nobody gets in, and it says where to look."""
    at_pc.play("""
        server# schoolserver status
        ok  smb *
        ok  probe drives *
        ok  drives *
        server# schoolserver check
        server# schoolserver explain fred.mustermann files
        ALLOWED
        *upload 20,000,000 bytes*
    """)
    at_pc.server.run("systemctl stop schoolserver-smb.socket schoolserver-smb.service")
    try:
        at_pc.play(f"desk$ {_logged_on(_does('Home', 'ls'))}\n*NT_STATUS_*\n-> *")
        at_pc.comes("server# schoolserver status\nBAD  probe drives *\n*schoolserver-smb*\n-> 1")
    finally:
        at_pc.server.run("systemctl start schoolserver-smb.socket schoolserver-smb.service")
    at_pc.well()


def test_nobody_s_name_is_in_the_journals(at_pc: School) -> None:
    """K14, K16: after all of the above, in Samba's own log as well."""
    for unit in ("domain", "smb", "fileshare"):
        assert at_pc.server.journal(f"--unit=schoolserver-{unit}"), f"{unit} has a journal"
    told = at_pc.server.journal() + at_pc.server.run("cat /run/schoolserver/domain/*.log* 2>/dev/null || true")
    words = ("Referat.txt", "Igel.txt", "klasse3a", *(person.login for person in PEOPLE.values()))
    assert [line for line in told.splitlines() if any(word in line for word in words)] == []


@pytest.mark.rather_on("bookworm")
def test_an_upgrade_brings_the_folders_that_an_older_version_did_not_have(at_pc: School) -> None:
    """And its new sockets; nobody has to run setup for them."""
    sockets = "schoolserver-ftps.socket schoolserver-smb.socket"
    at_pc.server.run(f"""
        systemctl stop schoolserver-smb.service {sockets} && systemctl --quiet disable {sockets}
        rm -r /var/lib/schoolserver/smb /run/schoolserver/smb && chmod 711 {_DATA}/groups
    """)
    files = " ".join(f"{PACKAGES}/schoolserver-{part}_*.deb" for part in ("common", "fileshare"))
    at_pc.server.run(f"apt-get -y -q --reinstall install {files}", timeout=300)
    at_pc.play(f"""
        server# stat -c '%a %U' {_DATA}/groups /var/lib/schoolserver/smb /run/schoolserver/smb
        755 root
        711 root
        7?? root
        server# systemctl is-active {sockets}
        active
        active
    """)
    at_pc.well()
    eventually(lambda: at_pc.play(f"pc$ {_BY_FTPS}/"), _SOON, "FTP with TLS from the beginning")
    at_pc.comes(f"desk$ {_logged_on('by_ticket.py lists')}\n*klasse3a *", within=_SOON)
