"""What makes a Debian host the school's server: our packages, setup by answer file, the roster, passwords.

May live here: installing and setting up, with the commands that the carer has. May not: booting, scenarios.
"""

import csv
import io
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.school.box.host import Host
from tests.school.box.layers import ROOT
from tests.school.box.small_internet import CASINO

DOMAIN = "schule.example"
PACKAGES = "/root/packages"
LISTS = "/srv/lists"
CASINO_LIST = f"{LISTS}/gambling/domains"
_OTHER_LISTS = ["adult", "agressif", "dangerous_material", "doh", "drogue", "malware", "phishing", "redirector", "vpn"]
_INSTALL_WITHIN = 300.0
_CODE = re.compile(r"\b\d{4} \d{4}\b")
_ANSWERS = f"""school: Schule in der Kiste
domain: {DOMAIN}
language: de
networks: [10.88.0.0/16]
rooms: {{{{'12': [10.88.12.0/24]}}}}
names: [server.{DOMAIN}]
directory: {{directory}}
"""
SCHOOL = "kiste"
"""The school's name on the backup server."""
_WITH_BACKUP = f"backup: schoolbackup-{SCHOOL}@backup.{DOMAIN}\n"


@dataclass(frozen=True)
class Person:
    """Somebody of the school who has chosen his password."""

    login: str
    password: str


PEOPLE: Mapping[str, Person] = {
    "FRED": Person("fred.mustermann", "Rote+Kreide71"),
    "EMMA": Person("emma.jaeger", "Gelbe+Tafel82"),
    "MIA": Person("mia.vogel", "Blaues+Heft93"),
    "ERIKA": Person("erika.lehmann", "Gruene+Mappe64"),
}
"""Name in transcripts to person: three pupils of class 3a and a teacher of it."""


def variables() -> dict[str, str]:
    """For transcripts: ``$FRED`` is ``login:password``, ``$FRED_LOGIN`` and ``$FRED_PASSWORD`` are the parts."""
    given = {}
    for name, person in PEOPLE.items():
        given[name] = f"{person.login}:{person.password}"
        given[f"{name}_LOGIN"], given[f"{name}_PASSWORD"] = person.login, person.password
    return given


def built() -> list[Path]:
    """Our packages in dist/, as ``make deb`` leaves them."""
    return sorted((ROOT / "dist").glob("schoolserver*.deb"))


def install(host: Host, *, second_place: bool = False) -> None:
    """With apt, in the booted host, which has no way out."""
    for package in built():
        if ("backup-server" in package.name) == second_place:
            host.copy_in(package, f"{PACKAGES}/{package.name}")
    host.run(f"apt-get -y -q --no-install-recommends install {PACKAGES}/*.deb && sync", timeout=_INSTALL_WITHIN)


def answer(server: Host, *, with_backup: bool = False, directory: str = "slapd") -> None:
    """Write the answer file for setup."""
    server.write("/root/answers.yaml", _ANSWERS.format(directory=directory) + (_WITH_BACKUP if with_backup else ""))


def set_up(server: Host, *, with_backup: bool, directory: str) -> None:
    """As the carer does it on the first day."""
    answer(server, with_backup=with_backup, directory=directory)
    server.run("schoolserver setup --answers /root/answers.yaml", timeout=_INSTALL_WITHIN)
    fetch_lists(server)
    # Those who send here without a pause would soon have sent what is allowed in an hour.
    server.write("/etc/schoolserver/mail.yaml", "rules: {recipients_per_hour: {pupil: 100000}}\n")
    server.run("schoolserver reload")
    once = take_in(server)
    for person in PEOPLE.values():
        server.run(f"schoolserver passwd {person.login} --stdin", stdin=f"{once[person.login]}\n{person.password}\n")


def take_in(server: Host) -> Mapping[str, str]:
    """Import the roster and give the one-time password of each login."""
    server.copy_in(ROOT / "etc" / "demo" / "roster.csv", "/root/roster.csv")
    imports = "schoolserver users import /root/roster.csv --yes --consent-version 1 --passwords /root/once.csv"
    server.run(imports, timeout=_INSTALL_WITHIN)
    return handed_out(server, "/root/once.csv")


def handed_out(server: Host, path: str) -> Mapping[str, str]:
    """Read what the office hands out: login to one-time password."""
    rows = csv.DictReader(io.StringIO(server.read(path).decode("utf-8-sig")), delimiter=";")
    return {row["Login"]: row["Einmalpasswort"] for row in rows}


def fetch_lists(server: Host) -> None:
    """A list for each category that is closed as delivered; only the first one's site is in this school."""
    server.write(CASINO_LIST, f"{CASINO}\n")
    for category in _OTHER_LISTS:
        server.write(f"{LISTS}/{category}/domains", f"{category.replace('_', '-')}.example\n")
    source = f"{{url: {LISTS}, format: squidguard, categories: [gambling, {', '.join(_OTHER_LISTS)}]}}"
    server.write("/etc/schoolserver/web.yaml", f"lists: {{sources: [{source}]}}\n")
    server.run("schoolserver reload && schoolserver web lists update", timeout=120)


def trust_school(peer: Host, server: Host) -> None:
    """The PC gets the school's authority, as from the carer's hand."""
    peer.write("/usr/local/share/ca-certificates/school.crt", server.read("/etc/schoolserver/ca.pem"))
    peer.run("update-ca-certificates")


def second_place(server: Host, backup: Host) -> str:
    """Pair the two, as README.Debian of the backup server says, and make the first copy; the recovery sheet."""
    backup.run("systemctl enable --now ssh.service")
    sheet = pair(server, backup)
    copy(server)
    return sheet


def pair(server: Host, backup: Host, more: str = "") -> str:
    """Say yes on both, where both show the same code; the recovery sheet."""
    there = backup.start(f"schoolserver-backup-server pair {SCHOOL} {more}")
    read_until(there, "backup pair")  # it listens
    here = server.start(f"schoolserver backup pair {more} 2>/root/pairing.said")
    shown = _CODE.search(read_until(there, "[y/N]"))
    assert shown is not None
    _type(here, "y")
    _type(there, "y")
    sheet, rest = here.communicate(timeout=_INSTALL_WITHIN)[0].decode(), there.communicate(timeout=_INSTALL_WITHIN)[0]
    said = server.read("/root/pairing.said").decode()
    assert here.returncode == 0, said
    assert there.returncode == 0, rest.decode()
    code = _CODE.search(said)
    assert code is not None
    assert code[0] == shown[0], "both show the same code"
    return sheet


def read_until(process: subprocess.Popen[bytes], text: str) -> str:
    """What a command has said when it has said ``text``."""
    assert process.stdout is not None
    said = b""
    while text.encode() not in said:
        more = os.read(process.stdout.fileno(), 4096)
        assert more, said.decode(errors="replace")
        said += more
    return said.decode(errors="replace")


def _type(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())


def copy(server: Host) -> None:
    """Make a copy now."""
    server.run("schoolserver backup run", timeout=_INSTALL_WITHIN)
