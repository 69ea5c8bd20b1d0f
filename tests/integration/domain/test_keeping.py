"""What the server keeps in a running domain: group policy and DNS, as PCs, a pupil and a carer meet them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from appliance.directory.domain.group_policy import GUID, NAME
from appliance.policy.account import GroupKind
from tests.integration.domain.conftest import School
from tests.integration.support_domain import RunningDomain, possible, start_domain

pytestmark = possible
PASSWORD = "Ziegel-38-Kamm"
PUPIL = "fred.muster"
POLICY = f"schule.example/Policies/{GUID}"
ZONE = "DC=schule.example,CN=MicrosoftDNS,DC=DomainDnsZones,DC=schule,DC=example"


@pytest.fixture(scope="module")
def domain(school: School) -> RunningDomain:
    """The shared domain, with a pupil, a teacher in a group of the staff, and a PC."""
    running = school.domain
    school.supervisor.create_group(name="lehrer", kind=GroupKind.STAFF, gid=20050, title="Lehrer")
    school.supervisor.add_members("lehrer", ["anna.lehrer"])
    for login in (PUPIL, "anna.lehrer"):
        school.give(login, PASSWORD)
    tool(running, "computer", "create", "pc1")
    tool(running, "user", "setpassword", "pc1$", f"--newpassword={PASSWORD}")
    keep(running)
    return running


def administrator(domain: RunningDomain) -> str:
    return f"-UAdministrator%{domain.administrator}"


def tool(domain: RunningDomain, *argv: str) -> str:
    done = domain.inside(["samba-tool", *argv, f"--configfile={domain.place.config}"])
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def keep(domain: RunningDomain) -> str:
    """Run our program and give what it did."""
    done = subprocess.run(domain.program(".keeping"), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def share(domain: RunningDomain, who: str, command: str) -> str:
    """Run smbclient's ``command`` in the share sysvol as ``who``."""
    argv = ["smbclient", "//server.schule.example/sysvol", "-U", rf"SCHULE\{who}%{PASSWORD}", "-c", command]
    done = domain.inside(argv)
    return done.stdout + done.stderr


def dig(domain: RunningDomain, name: str, kind: str = "A") -> list[str]:
    done = domain.inside(["dig", "+short", "+tries=1", "+time=5", "@127.0.0.1", name, kind])
    return sorted(done.stdout.split("\n")[:-1])


def listed(domain: RunningDomain) -> dict[str, str]:
    """Give the version of each group policy object by name, as samba-tool lists them over LDAP."""
    text = tool(domain, "gpo", "listall", administrator(domain))
    found = re.findall(r"display name : (.*)\n.*\n.*\nversion +: (\d+)", text)
    return dict(found)


def file_version(domain: RunningDomain) -> str:
    text = (domain.place.sysvol / POLICY / "GPT.INI").read_text()
    return text.partition("Version=")[2].strip()


def test_a_second_time_changes_nothing(domain: RunningDomain) -> None:
    keep(domain)
    before = {path: path.stat().st_mtime_ns for path in (domain.place.sysvol / POLICY).rglob("*")}
    version = listed(domain)[NAME]
    assert keep(domain) == ""
    assert listed(domain)[NAME] == version == file_version(domain)
    assert {path: path.stat().st_mtime_ns for path in (domain.place.sysvol / POLICY).rglob("*")} == before


def test_it_is_linked_after_what_others_linked_and_a_pc_gets_its_files(domain: RunningDomain) -> None:
    links = tool(domain, "gpo", "getlink", "DC=schule,DC=example", administrator(domain))
    assert links.index(GUID) < links.index("{31B2F340-016D-11D2-945F-00C04FB984F9}")
    files = "get MACHINE/Registry.pol /dev/null; get User/Preferences/Drives/drives.xml /dev/stdout"
    for who in ("pc1$", PUPIL):
        text = share(domain, who, f"cd {POLICY}; {files}")
        assert "NT_STATUS" not in text
        root = ElementTree.fromstring(text[text.index("<Drives") : text.index("</Drives>") + 9])
        letters = [one.attrib["letter"] for one in root.iter("Properties")]
        assert letters == ["H", "G", "S"]
        assert [one.attrib["name"] for one in root.iter("FilterGroup")] == [r"SCHULE\lehrer"]


def test_a_pupil_cannot_write_what_pcs_are_told(domain: RunningDomain) -> None:
    tries = ("put /etc/hostname GPT.INI", "rm GPT.INI", "put /etc/hostname new", "mkdir new", "rename USER x")
    for command in tries:
        assert "NT_STATUS_ACCESS_DENIED" in share(domain, PUPIL, f"cd {POLICY}; {command}"), command
    entry = f"CN={GUID},CN=Policies,CN=System,DC=schule,DC=example"
    change = f"dn: {entry}\nchangetype: modify\nreplace: gPCFileSysPath\ngPCFileSysPath: \\\\evil\\x\n"
    argv = ["ldbmodify", "-H", "ldap://server.schule.example", "-U", rf"SCHULE\{PUPIL}%{PASSWORD}"]
    assert "insufficient access rights" in domain.inside(argv, text=change).stderr
    assert keep(domain) == ""


def test_samba_finds_the_rights_of_the_files_in_order(domain: RunningDomain) -> None:
    tool(domain, "ntacl", "sysvolcheck")
    hurt = domain.place.sysvol / POLICY / "MACHINE" / "Registry.pol"
    hurt.chmod(0o600)  # nobody on Samba's list may read it now; sysvolcheck does not notice
    assert "ACCESS_DENIED" in share(domain, "pc1$", f"cd {POLICY}; get MACHINE/Registry.pol /dev/null")
    assert "group policy" in keep(domain)
    assert "ACCESS_DENIED" not in share(domain, "pc1$", f"cd {POLICY}; get MACHINE/Registry.pol /dev/null")


def test_what_was_changed_by_others_or_cut_is_put_right_with_a_new_version(domain: RunningDomain) -> None:
    folder, first = domain.place.sysvol / POLICY, int(listed(domain)[NAME])
    (folder / "MACHINE" / "Registry.pol").write_bytes(b"PReg")
    assert "group policy" in keep(domain)
    assert int(listed(domain)[NAME]) == first + 1 == int(file_version(domain))
    (folder / "USER" / "Preferences" / "Drives" / "Drives.xml").unlink()
    assert "group policy" in keep(domain)
    assert int(listed(domain)[NAME]) == first + 1 + 0x10000 == int(file_version(domain))
    (domain.place.folder / "group-policy.half").touch()  # as after a cut in the middle of writing
    assert "group policy" in keep(domain)
    assert int(listed(domain)[NAME]) == first + 2 + 0x20000 == int(file_version(domain))
    (folder / "GPT.INI").write_bytes(b"[General]\r\nVersion=5\r\n")
    assert "group policy" in keep(domain)
    assert listed(domain)[NAME] == file_version(domain)
    assert keep(domain) == ""


def test_the_carers_own_policies_and_his_word_about_ours_stay(domain: RunningDomain) -> None:
    guid = tool(domain, "gpo", "create", "Carer's own", administrator(domain)).split()[-1]
    folder = domain.place.sysvol / "schule.example/Policies" / guid
    before = [(path, path.stat().st_ctime_ns) for path in sorted(folder.rglob("*"))]
    assert before
    link = f"[LDAP://CN={GUID},CN=Policies,CN=System,DC=schule,DC=example;1]"
    change = f"dn: DC=schule,DC=example\nchangetype: modify\nreplace: gPLink\ngPLink: {link}\n"
    database = str(domain.place.private / "sam.ldb")
    assert domain.inside(["ldbmodify", "-H", database], text=change).returncode == 0
    assert keep(domain) == ""
    assert "GPLINK_OPT_DISABLE" in tool(domain, "gpo", "getlink", "DC=schule,DC=example", administrator(domain))
    assert [(path, path.stat().st_ctime_ns) for path in sorted(folder.rglob("*"))] == before


def test_the_dns_knows_the_server_and_its_services(domain: RunningDomain) -> None:
    for name in ("server.", "", "mail.", "proxy.", "wpad.", "autoconfig.", "autodiscover.", "gc._msdcs."):
        assert dig(domain, f"{name}schule.example") == ["10.9.0.2"], name
    for service, found in {
        "_imaps": "0 1 993 mail",
        "_imap": "10 1 143 mail",
        "_submissions": "0 1 465 mail",
        "_submission": "10 1 587 mail",
        "_autodiscover": "0 0 443 autodiscover",
    }.items():
        assert dig(domain, f"{service}._tcp.schule.example", "SRV") == [f"{found}.schule.example."]
    assert dig(domain, "_pop3._tcp.schule.example", "SRV") == ["0 0 0 ."]


def test_an_address_that_changes_is_followed_and_the_carers_records_stay(domain: RunningDomain) -> None:
    for name, address in (("intranet", "10.9.0.7"), ("proxy", "10.9.0.8")):
        tool(domain, "dns", "add", "127.0.0.1", "schule.example", name, "A", address, administrator(domain))
    tool(domain, "dns", "delete", "127.0.0.1", "schule.example", "proxy", "A", "10.9.0.2", administrator(domain))
    tool(domain, "dns", "delete", "127.0.0.1", "schule.example", "wpad", "A", "10.9.0.2", administrator(domain))
    domain.inside(["ip", "addr", "del", "10.9.0.2/24", "dev", "lan"])
    assert keep(domain) == "", "a server without an address keeps what it has told"
    domain.inside(["ip", "addr", "add", "10.9.0.3/24", "dev", "lan"])
    domain.inside(["ip", "addr", "add", "fd12::3/64", "dev", "lan", "nodad"])
    assert "DNS" in keep(domain)
    assert dig(domain, "server.schule.example") == dig(domain, "schule.example") == ["10.9.0.3"]
    assert dig(domain, "wpad.schule.example") == dig(domain, "mail.schule.example") == ["10.9.0.3"]
    assert dig(domain, "mail.schule.example", "AAAA") == ["fd12::3"]
    assert dig(domain, "proxy.schule.example") == ["10.9.0.8"], "the carer's name"
    assert dig(domain, "intranet.schule.example") == ["10.9.0.7"]
    assert dig(domain, "_ldap._tcp.schule.example", "SRV") == ["0 100 389 server.schule.example."]
    assert keep(domain) == ""
    domain.inside(["ip", "addr", "flush", "dev", "lan", "scope", "global"])
    domain.inside(["ip", "addr", "add", "10.9.0.2/24", "dev", "lan"])
    assert "DNS" in keep(domain)
    assert dig(domain, "mail.schule.example") == ["10.9.0.2"]
    assert dig(domain, "mail.schule.example", "AAAA") == []


def test_no_pupil_adds_a_name_and_a_pc_adds_its_own(domain: RunningDomain) -> None:
    def add(who: str, name: str) -> str:
        argv = ["ldbadd", "-H", "ldap://server.schule.example", "-U", rf"SCHULE\{who}%{PASSWORD}"]
        done = domain.inside(argv, text=f"dn: DC={name},{ZONE}\nobjectClass: dnsNode\n")
        return done.stdout + done.stderr

    assert "insufficient access rights" in add(PUPIL, "printer")
    assert "insufficient access rights" in add("anna.lehrer", "*")
    assert "Added 1 records" in add("pc1$", "pc1")


def test_a_pcs_signed_update_is_taken_and_a_pupils_is_not(domain: RunningDomain, short: Path) -> None:
    """nsupdate, as Debian's PCs run it; that it cannot verify Samba's answer is known, so the DNS is asked."""
    for who, name, found in (("pc1$", "pc1", ["10.9.0.66"]), (PUPIL, "printer", []), ("anna.lehrer", "*", [])):
        ticket = {"KRB5CCNAME": str(short / name.replace("*", "star"))}
        assert domain.inside(["kinit", who], text=f"{PASSWORD}\n", environment=ticket).returncode == 0
        update = f"update add {name}.schule.example 600 A 10.9.0.66\n"
        domain.inside(["nsupdate", "-g"], text=f"server server.schule.example\n{update}send\n", environment=ticket)
        assert dig(domain, f"{name}.schule.example") == found


def test_a_policy_that_cannot_be_written_keeps_nobody_from_logging_on(short: Path) -> None:
    with (short / "log").open("wb") as log, start_domain(short, log, started=False) as hurt:
        policy = hurt.place.sysvol / POLICY
        shutil.rmtree(policy)
        policy.write_text("in the way")
        hurt.start()
        policy.unlink()
        keep(hurt)  # unless Samba has done it in the meantime
        assert (policy / "GPT.INI").exists()
    assert "group policy and DNS stay as they are" in (short / "log").read_text()


def test_wrong_settings_are_told_by_the_exit_code(domain: RunningDomain) -> None:
    argv = ["/usr/bin/python3", "-P", "-m", "appliance.directory.domain.keeping", "--settings", "/nowhere"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "/nowhere" in done.stderr
