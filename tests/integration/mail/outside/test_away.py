"""The smarthost is away, is somebody else, or we are killed: nothing is lost, and its sender gets to know in time."""

import random
import signal
import smtplib
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from appliance.mail.outside.envelope import line, read_line
from tests.integration.demo.waiting import eventually
from tests.integration.mail.outside.postfix import Postfix, running_postfix, there
from tests.integration.mail.outside.school import OutsideSchool, outside_school


def words(school: OutsideSchool) -> str:
    """What the first report says to a person."""
    (report, *_) = school.reports()
    return str(next(iter(report.iter_parts())).get_content())  # type: ignore[attr-defined]  # of email's default policy


def test_what_waits_goes_as_soon_as_the_smarthost_is_there_again(postfix: Postfix) -> None:
    with outside_school(postfix.port, postfix.ca) as school:
        postfix.stop()
        try:
            for number in range(3):
                school.send("papa@home.example", text=b"Subject: %d\r\n\r\n" % number)
            eventually(lambda: school.ask("standing")["problem"])
            standing = school.ask("standing")
            assert standing["waiting"] == 3 and "cannot be reached" in standing["problem"]
            school.outbound.stop()
            school.outbound.start()
            eventually(lambda: len(school.waiting()) == 3, what="a restart keeps them")
        finally:
            postfix.start()
        eventually(lambda: len(postfix.boxes("papa")) == 3)
        eventually(lambda: not school.waiting())
        assert school.ask("standing")["problem"] is None and not school.reports()
        log = school.log.read_text()
        assert "home.example" not in log and "frida" not in log and "papa" not in log, "a journal has ids and counts"


def test_what_waits_has_one_bound_and_the_school_goes_on(postfix: Postfix) -> None:
    """Two workers' worth of letters may not fill the disk while the smarthost is away; then there is room again."""
    large = b"Subject: Fotos\r\n\r\n" + (b"x" * 70 + b"\r\n") * 8_400

    def answer(to: str, text: bytes = large) -> bytes:
        try:
            school.send(to, text=text)
        except smtplib.SMTPRecipientsRefused as refused:
            return refused.recipients[to][1]
        return b"stored"

    with outside_school(postfix.port, postfix.ca, more="spool_max: 1 MB") as school:
        postfix.stop()
        try:
            assert answer("papa@home.example") == b"stored"
            refused = answer("papa@home.example")
            assert refused.startswith(b"4.3.1 ")
            assert answer("fred.mustermann@schule.example") == b"stored"
            assert answer("papa@home.example", b"Subject: kurz\r\n\r\n") == b"stored", "what is short has room"
            school.mail.stop(signal.SIGKILL)
            school.mail.start()
            assert answer("papa@home.example") == refused, "after a restart it knows what lies there"
        finally:
            postfix.start()
        eventually(lambda: not school.waiting())
        eventually(lambda: answer("mama@home.example") == b"stored")


def test_late_and_over(postfix: Postfix) -> None:
    """Its sender learns of the delay once, and at last that it comes back."""
    with outside_school(delayed="60 s", expire="1 h") as school:
        school.send("papa@home.example")
        (one,) = eventually(school.waiting)
        aged(school, 61)
        eventually(school.reports)
        assert "noch nicht zugestellt" in words(school) and "Der andere Mailserver antwortet nicht." in words(school)
        aged(school, 3600)
        eventually(lambda: len(school.reports()) == 2)
        assert not school.waiting() and one["tries"] == 0
        last = next(report for report in school.reports() if "Not delivered" in report["Subject"])
        assert "5.4.7" in str(last) and "so lange versucht wie üblich" in str(
            next(iter(last.iter_parts())).get_content()
        )


def aged(school: OutsideSchool, seconds: float) -> None:
    """Let everything in the spool have come so much earlier."""
    school.outbound.stop()
    for path in (school.data / "mail" / ".spool" / "new").iterdir():
        first, _, rest = path.read_bytes().partition(b"\n")
        queued = read_line(first)
        path.write_bytes(line(replace(queued, arrived=queued.arrived - timedelta(seconds=seconds))) + rest)
    school.outbound.start()


def test_somebody_who_cannot_prove_to_be_the_smarthost_gets_nothing(postfix: Postfix) -> None:
    """New settings act at once: what waits is tried with them."""
    with outside_school(postfix.port) as school:
        school.send("mama@home.example")
        problem = eventually(lambda: school.ask("standing")["problem"])
        assert "cannot prove who it is" in problem and len(school.waiting()) == 1 and not postfix.boxes("mama")
        path = school.settings.folder / "mail.yaml"
        path.write_text(path.read_text().replace("ca: null", f"ca: {postfix.ca}"))
        assert school.outbound.process is not None
        school.outbound.process.send_signal(signal.SIGHUP)
        eventually(lambda: postfix.boxes("mama"))


def test_a_smarthost_without_dsn_and_for_few_at_once() -> None:
    """Then we tell that it was handed on, and send in several transactions, where each of them does something."""
    if not there():
        pytest.skip("a Postfix of one's own needs root")
    with (
        running_postfix("dsn, 8bitmime", recipients=1) as postfix,
        outside_school(postfix.port, postfix.ca) as school,
    ):
        school.send("papa@home.example", "mama@home.example", "oma@home.example", rcpt=["NOTIFY=SUCCESS,FAILURE"])
        for name in ("papa", "mama", "oma"):
            eventually(lambda name=name: postfix.boxes(name))
        eventually(school.reports)
        assert "außerhalb der Schule übergeben" in words(school) and words(school).count("@home.example") == 6
        assert {len(postfix.boxes(name)) for name in ("papa", "mama", "oma")} == {1}
        school.send("papa@home.example", text="Subject: x\r\n\r\nGrüße\r\n".encode(), options=["BODY=8BITMIME"])
        eventually(lambda: len(school.reports()) == 2)
        assert "5.6.3" in str(school.reports()[-1]) + str(school.reports()[0])


def crash(school: OutsideSchool, postfix: Postfix, kills: int, seed: int) -> Counter[str]:
    """Send while who sends on is killed again and again; give how often each message has arrived."""
    chance, sent = random.Random(seed), []
    for number in range(kills):
        subject = f"s{seed}-{number}"
        school.send("papa@home.example", text=f"Subject: {subject}\r\n\r\n{'x' * 70}\r\n".encode())
        sent.append(subject)
        killed = threading.Timer(chance.uniform(0, 1.3), school.outbound.stop, (signal.SIGKILL,))
        killed.start()
        killed.join()
        school.outbound.start()
    eventually(lambda: not school.waiting())
    eventually(lambda: set(sent) <= set(subjects(postfix)))
    found = Counter(subject for subject in subjects(postfix) if subject in sent)
    assert set(found) == set(sent) and not school.reports()
    return found


def subjects(postfix: Postfix) -> list[str]:
    return [str(message_from_bytes(message)["Subject"]) for message in postfix.boxes("papa")]


def test_killed_at_any_point_it_loses_nothing(postfix: Postfix) -> None:
    with outside_school(postfix.port, postfix.ca) as school:
        found = crash(school, postfix, 6, 7)
    assert max(found.values()) <= 2


@pytest.mark.soak
def test_killed_many_times_it_loses_nothing(postfix: Postfix) -> None:
    with outside_school(postfix.port, postfix.ca) as school:
        found = crash(school, postfix, 60, 11)
    assert max(found.values()) <= 2
