"""The same services where the directory is the Samba domain: the cases in which passwords and accounts matter.

They are those of ``test_conformance``, run once more; log-on at a PC stands beside them as one service more.
"""

import contextlib
import email
import email.policy
import os
import re
import signal
import tempfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from appliance.setup.subvolumes import apart
from tests.integration.demo.waiting import eventually
from tests.integration.services.conftest import DRIVERS, Visit
from tests.integration.services.driver import AT_ONCE, Direction, Driver, Outcome, said
from tests.integration.services.drivers_mail import Imaps, Smtp, Submissions
from tests.integration.services.drivers_smb import Smb
from tests.integration.services.drivers_web import far_names
from tests.integration.services.people import GROUP_PUPIL, OFFICE, OWN, ROSTER, SETTINGS, SINGLE_PUPIL, TEACHER
from tests.integration.services.site import outside
from tests.integration.services.test_conformance import (  # noqa: F401 - collected here with the domain's school
    lock,
    test_a_changed_password_ends_what_is_open,
    test_a_consent_that_is_missing,
    test_a_lock_ends_what_is_open_and_refuses_what_is_new,
    test_a_service_that_is_not_open_to_somebody,
    test_must_change,
    test_sign_in_and_bytes,
    test_wrong_password_and_nobody_are_refused_alike,
)
from tests.integration.services.test_conformance import test_one_service_is_locked_alone as one_service_is_locked_alone
from tests.integration.services.test_conformance import test_the_quota as the_quota
from tests.integration.smb.drives import seated
from tests.integration.support_btrfs import btrfs, hindrance
from tests.integration.support_domain import possible
from tests.integration.support_domain_school import DomainSchool, domain_school

pytestmark = possible

UNITS = ("audit", "privileged", "auth", "supervisor", "mail", "imap", "fileshare", "proxy", "smb")
KINDS = (*(kind for kind in DRIVERS if kind not in (Submissions, Smtp, Imaps)), Smb)
"""Once for each part that asks for the password; its other ports ask in the same way."""
PUPIL = OWN["submission"]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """On a btrfs of its own where there can be one, mail apart as ``setup`` has it; else as everywhere."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        root = Path(folder) / "data"
        root.mkdir()
        with contextlib.nullcontext() if hindrance() else btrfs(root):
            (root / "mail").mkdir()
            assert apart(root) is not bool(hindrance())
            yield root


@pytest.fixture(scope="module")
def school(data: Path) -> Iterator[DomainSchool]:
    with outside() as (site, far, received):
        proxy = {"exceptions": [f"127.0.0.1:{site}", *far_names(far)]}
        server = {**SETTINGS["server"], "data": str(data)}
        with domain_school({**SETTINGS, "server": server, "proxy": proxy}, UNITS) as made:
            made.received = received
            made.bring_in(ROSTER)
            eventually(lambda: drives(made), what="the drives are served")
            yield made


def drives(school: DomainSchool) -> bool:
    client = Smb(school)
    try:
        return client.sign_in(OWN["smb"], school.passwords[OWN["smb"]]) == "done"
    finally:
        client.close()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[Driver]:
    """Each service in turn, and the drives of PCs, which only a domain has."""
    return request.param


def test_a_drive_is_locked_alone_and_full_by_the_quota(school: DomainSchool, visit: Visit) -> None:
    """The others are held to these by ``test_conformance``."""
    one_service_is_locked_alone(school, Smb, visit)
    the_quota(school, Smb, visit)


@pytest.mark.parametrize(("who", "limit"), [(TEACHER, 2_500_000), (SINGLE_PUPIL, 1_000_000), (OFFICE, 1_200_000)])
def test_the_limit_of_a_drive(school: DomainSchool, visit: Visit, who: str, limit: int) -> None:
    """K12: that of the role, of the account, of the service; beyond it nothing is left, and the session goes on."""
    client = visit(Smb, who)
    said(client, client.move(Direction.UP, limit), Outcome.PASSED)
    before = school.kept(who)
    said(client, client.move(Direction.UP, limit + 2), Outcome.TOO_LARGE)
    assert school.kept(who) == before
    said(client, client.move(Direction.UP, 1000), Outcome.PASSED)


def test_log_on_goes_by_the_same_password(school: DomainSchool, visit: Visit) -> None:
    before = school.passwords[PUPIL]
    assert school.log_on(PUPIL, before) == "in"
    once = school.reset(PUPIL)
    eventually(lambda: school.log_on(PUPIL, once) == "must-change", AT_ONCE)
    school.choose_password(PUPIL, once)
    assert school.log_on(PUPIL, school.passwords[PUPIL]) == "in"
    assert "incorrect" in school.log_on(PUPIL, before)
    assert "incorrect" in school.log_on(PUPIL, once)


@pytest.mark.parametrize("kind", DRIVERS, ids=lambda kind: kind.name)
def test_log_on_alone_is_locked(school: DomainSchool, kind: type[Driver], visit: Visit) -> None:
    """K18: every service goes on, also what is signed in to anew; a wrong password stays a wrong one.

    A drive is the PC's: whoever may not log on opens none.
    """
    login = OWN[kind.name]
    client = visit(kind, login)
    lock(school, login, service="pc")
    try:
        eventually(lambda: "revoked" in school.log_on(login, school.passwords[login]), AT_ONCE)
        assert client.open()
        visit(kind, login)
        visit(kind, login, Outcome.WRONG, "Falsch-geraten-1")
    finally:
        school.call("users.unlock", login=login, service="pc")
    eventually(lambda: school.log_on(login, school.passwords[login]) == "in", AT_ONCE)


def test_a_lock_of_everything_ends_log_on_too(school: DomainSchool, visit: Visit) -> None:
    lock(school, PUPIL)
    try:
        eventually(lambda: "revoked" in school.log_on(PUPIL, school.passwords[PUPIL]), AT_ONCE)
        for kind in DRIVERS:
            visit(kind, OWN[kind.name], Outcome.LOCKED if OWN[kind.name] == PUPIL else Outcome.SIGNED_IN)
    finally:
        school.call("users.unlock", login=PUPIL)
    eventually(lambda: school.log_on(PUPIL, school.passwords[PUPIL]) == "in", AT_ONCE)


def in_status(school: DomainSchool) -> str:
    """The row of status about the drives, which is well."""
    row = next(one for one in school.call("status")["checks"] if one["name"] == "drives")
    assert row["ok"], row["text"]
    return str(row["text"])


def smbclient(school: DomainSchool, commands: str, login: str = OWN["smb"]) -> str:
    argv = ["smbclient", "//server/Home", f"--user={login}%{school.passwords[login]}", "--command", commands]
    done = school.domain.inside(argv)
    return done.stdout + done.stderr


def test_status_says_how_many_use_drives_over_smb_and_nobodys_name(school: DomainSchool) -> None:
    login = OWN["smb"]
    with seated(school.domain, "Home", login, school.passwords[login]):
        eventually(lambda: re.search(r"[1-9]\d* connections over SMB of [1-9]\d* persons", in_status(school)))
        assert login not in str(school.call("status"))


def test_the_carer_is_told_that_downloads_over_smb_are_not_limited(school: DomainSchool) -> None:
    ways = {
        one["service"]: one["download_unlimited_over"]
        for one in school.call("limits.show", target=OWN["smb"])["services"]
    }
    assert ways == {"mail": None, "web": None, "files": "SMB"}
    explained = school.call("explain", login=OWN["smb"], service="files")
    assert explained["limits"]["download_unlimited_over"] == "SMB"


def test_whose_upload_was_cut_is_told_by_mail(school: DomainSchool, tmp_path: Path) -> None:
    """Somebody of whom nothing was cut before: who was told of one just now hears of the next a while later."""
    large, login = tmp_path / "large", GROUP_PUPIL
    large.write_bytes(bytes(2_300_000))
    assert "NT_STATUS_DISK_FULL" in smbclient(school, f"put {large} Ferienfilm.mp4", login)

    def told() -> list[EmailMessage]:
        files = school.mailbox(login).glob("new/*")
        mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
        return [mail for mail in mails if mail["Subject"] == "Files that did not fit on your drive"]

    (mail,) = eventually(told)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "    Home/Ferienfilm.mp4" in text.get_content().splitlines()
    assert mail["To"] == f"{login}@schule.example"
    assert not school.home(login).joinpath("Ferienfilm.mp4").exists()
    assert not [part for part, log in school.logs().items() if "Ferienfilm" in log]


def test_a_door_that_was_killed_opens_the_drives_again(school: DomainSchool) -> None:
    before = school.states()["smb"].pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    school.when(lambda: school.states()["smb"].pid not in (before, None), 30)
    school.when(lambda: "blocks available" in smbclient(school, "ls"), 30)
    school.when(lambda: in_status(school), 30)


@pytest.mark.skipif(bool(hindrance()), reason=hindrance() or "btrfs")
def test_former_versions_are_made_and_shown(school: DomainSchool) -> None:
    """By the supervisor at its first look; Samba shows them from the first day."""

    def row() -> str:
        return next(one["text"] for one in school.call("status")["checks"] if one["name"] == "former versions")

    eventually(lambda: row().startswith("1, back to "))
    (stamp,) = (path.name for path in (school.data / ".shadows").iterdir())
    login = OWN["smb"]
    argv = ["smbclient", "//server/Home", f"--user={login}%{school.passwords[login]}", "--command"]
    assert stamp in school.domain.inside([*argv, "mkdir Versuch; allinfo Versuch; rmdir Versuch"]).stdout


def test_the_journal_names_nobody(school: DomainSchool) -> None:
    """Neither those of our parts nor what they say about the domain."""
    names = {part for line in ROSTER.splitlines()[1:] for part in line.lower().split(";")[1:3]}
    told = [line for text in school.logs().values() for line in text.lower().splitlines()]
    assert [line for line in told if any(name in line for name in names)] == []
