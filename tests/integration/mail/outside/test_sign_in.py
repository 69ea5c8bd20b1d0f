"""The smarthost wants a login: the password comes from a file and is told to nobody else."""

import os
from pathlib import Path

import pytest

from tests.integration.alerts.smarthost import LOGIN, PASSWORD, smarthost
from tests.integration.demo.waiting import eventually
from tests.integration.mail.outside.school import SENDER, OutsideSchool, outside_school
from tests.integration.support_parts import short_folder


def password_file(folder: Path, school: OutsideSchool | None = None, text: str = PASSWORD, mode: int = 0o640) -> Path:
    """Write the file anew; the school's mail may read it."""
    path = folder / "password"
    path.write_text(f"{text}\n")
    path.chmod(mode)
    if school is not None and os.geteuid() == 0:
        os.chown(path, 0, school.owner.gid)
    return path


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_it_signs_in_encrypted(encryption: str) -> None:
    with short_folder() as (folder, _stack), smarthost(folder, tls=encryption == "tls") as host:
        more = f"login: {LOGIN}\n  password_file: {folder / 'password'}"
        with outside_school(host.port, host.ca, encryption, more=more) as school:
            password_file(folder, school)
            school.send("mama@home.example")
            assert host.arrived.wait(15)
            (_session, envelope, message) = host.mails[0]
            assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, ["mama@home.example"])
            assert message["Subject"] == "Ausflug"
            eventually(lambda: not school.waiting())
            assert PASSWORD not in school.log.read_text()


def test_what_is_wrong_with_the_password_is_said_and_mended() -> None:
    with short_folder() as (folder, _stack), smarthost(folder) as host:
        more = f"login: {LOGIN}\n  password_file: {folder / 'password'}"
        with outside_school(host.port, host.ca, more=more) as school:

            def says(words: str) -> bool:
                return words in str(school.ask("standing")["problem"])

            school.send("mama@home.example")
            eventually(lambda: says("cannot be read: No such file"))
            assert school.ask("standing")["broken"]
            if os.geteuid() == 0:
                (folder / "password").write_text(f"{PASSWORD}\n")
                (folder / "password").chmod(0o640)
                group = school.owner.gid
                eventually(lambda: says(f"Permission denied; chown root:{group} {folder}/password && chmod 640"))
            password_file(folder, school, mode=0o644)
            eventually(lambda: says("everybody may read"))
            password_file(folder, school, text="wrong")
            eventually(lambda: says("refuses login or password (535)"))
            password_file(folder, school)
            assert host.arrived.wait(15) and len(host.mails) == 1
            eventually(lambda: not school.ask("standing")["broken"])
            (folder / "password").unlink()
            assert school.ask("standing")["broken"], "before any letter waits"


def test_a_smarthost_that_wants_a_login_sends_nothing_back() -> None:
    """Without one every letter waits, as with a wrong one: it is not the letter's fault."""
    with short_folder() as (folder, _stack), smarthost(folder) as host, outside_school(host.port, host.ca) as school:
        for name in ("mama", "papa"):
            school.send(f"{name}@home.example")
        eventually(lambda: "wants another login, or one at all (530" in str(school.ask("standing")["problem"]))
        assert len(school.waiting()) == 2 and not school.reports() and not host.mails
