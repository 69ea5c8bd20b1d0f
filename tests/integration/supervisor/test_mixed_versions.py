"""In the middle of an upgrade: parts of one version read what the supervisor of another has published."""

import json
import os
import signal
import smtplib
from hashlib import sha256

import pytest

from tests.integration.supervisor.test_mail_school import PASSWORD, SETTINGS, WITH_MAIL, trusting
from tests.integration.support_school import running

AUDIENCES = ("auth", "mail")
FORMER, NEWER = 4, 6
LOGIN, OTHER = "anna.lehmann", "fred.mustermann"


@pytest.fixture
def school():
    with running(SETTINGS, WITH_MAIL) as made:
        for login, password in made.take_in()[1].items():
            assert made.change_password(login, password, PASSWORD)["answer"] == "changed"
        yield made


def as_of_format(data, form):
    """What is published, as the format before said it (nothing set for lessons), or under another number."""
    head, _, body = data.partition(b"\n")
    name, _form, epoch, counter, audience, _length, _checksum = head.split(b" ")
    content = json.loads(body)
    if form == FORMER:
        del content["lessons"]
    body = json.dumps(content).encode()
    line = b" ".join([name, b"%d" % form, epoch, counter, audience, b"%d " % len(body)])
    return line + sha256(line + body).hexdigest().encode() + b"\n" + body


def publish_as(school, form):
    """Put what is published there in another format, as the supervisor of another version would have."""
    for audience in AUDIENCES:
        path = school.settings.server.runtime / "snapshots" / f"{audience}.snapshot"
        there, draft = path.stat(), path.with_suffix(".draft")
        draft.write_bytes(as_of_format(path.read_bytes(), form))
        os.chown(draft, there.st_uid, there.st_gid)
        draft.chmod(there.st_mode & 0o777)
        draft.rename(path)


def start_anew(school, unit):
    before = school.pid(unit)
    os.kill(before, signal.SIGKILL)
    school.until(lambda units: units[unit].healthy and units[unit].pid != before)


def sends(school, login):
    """The last reply to a letter to oneself, or the one that refused the sign-in."""
    address = school.settings.network.listen["submission"]
    with smtplib.SMTP(str(address.host), address.port, timeout=20) as smtp:
        smtp.starttls(context=trusting(school))
        try:
            smtp.login(login, PASSWORD)
        except smtplib.SMTPAuthenticationError as refused:
            return refused.smtp_code
        own = f"{login}@{school.settings.school.domain}"
        smtp.mail(own)
        smtp.rcpt(own)
        return smtp.data(f"From: {own}\r\nTo: {own}\r\nSubject: Umzug\r\n\r\nHallo\r\n")[0]


def test_new_parts_go_by_what_the_former_supervisor_published_and_then_by_the_new_ones(school):
    """Parts are restarted one after the other: whoever comes first reads the format before."""
    assert sends(school, LOGIN) == 250
    with school.frozen("supervisor"):
        publish_as(school, FORMER)
        for unit in ("auth", "mail"):
            start_anew(school, unit)
        assert sends(school, LOGIN) == 250
    school.call("users.lock", login=LOGIN, service=None, until=None, reason="after the upgrade")
    school.when(lambda: sends(school, LOGIN) == 535)
    assert sends(school, OTHER) == 250


def test_former_parts_go_on_with_what_they_have_when_a_newer_supervisor_publishes(school):
    """A format of the future is not understood, told once, and ends nobody's work."""
    with school.frozen("supervisor"):
        publish_as(school, NEWER)
        for unit in AUDIENCES:
            school.when(lambda unit=unit: "the snapshot is broken" in school.logs()[unit])
        assert sends(school, LOGIN) == 250
    assert school.logs()["mail"].count("the snapshot is broken") == 1
