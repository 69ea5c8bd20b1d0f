"""Mail that waits on its way out, as the carer of a whole school sees and ends it."""

import json
import smtplib
import ssl
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from appliance.cli.main import main
from tests.integration.support_ports import free_port
from tests.integration.support_school import ACCOUNTS, QUICK, School, running

PASSWORD = "Neues-Kennwort-7!"
WITH_MAIL = (*ACCOUNTS, "mail", "outbound")
AWAY = {"send": ["teacher"], "smarthost": f"localhost:{free_port()}", "retry_first": "1 s", "retry_last": "2 s"}


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    """A school whose smarthost is away."""
    with running({**QUICK, "mail": {"outside": AWAY}}, WITH_MAIL) as made:
        for login, password in made.take_in()[1].items():
            assert made.change_password(login, password, PASSWORD)["answer"] == "changed"
        yield made


def send(school: School, login: str, to: str) -> None:
    address = school.settings.network.listen["submission"]
    context = ssl.create_default_context(cafile=school.state / "authority" / "ca.pem")
    context.check_hostname = False
    with smtplib.SMTP(address.host, address.port, timeout=10) as client:
        client.starttls(context=context)
        client.login(login, PASSWORD)
        own = f"{login}@{school.settings.school.domain}"
        client.sendmail(own, [to], f"From: {own}\r\nSubject: geheim\r\n\r\n")


def said(school: School, *command: str, code: int = 0) -> str:
    done = CliRunner(env={"SCHOOLSERVER_CONTROL": str(school.control)}).invoke(main, command)
    assert done.exit_code == code, done.output
    return done.output


def row(school: School, name: str = "mail to the outside") -> dict[str, object]:
    return next((one for one in school.call("status")["checks"] if one["name"] == name), {})


def test_the_carer_sees_what_waits_tries_it_and_ends_it(school: School) -> None:
    assert "Nothing waits." in said(school, "mail", "queue")
    school.when(lambda: row(school).get("text") == "nothing waits")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(school, "fred.mustermann", "mama@home.example")
    send(school, "anna.lehmann", "mama@home.example")
    shown = school.when(lambda: row(school) if row(school).get("text") != "nothing waits" else None)
    assert shown["ok"] and str(shown["text"]).startswith("1 wait, the oldest for 0 min; ")
    assert "the smarthost cannot be reached" in str(shown["text"])
    queue = said(school, "mail", "queue")
    assert "The way out: the smarthost cannot be reached" in queue
    assert not [word for word in ("anna", "mama", "home.example", "geheim") if word in queue + str(shown)]
    (waiting,) = school.call("mail.queue")["waiting"]
    assert waiting["id"] in queue
    assert "1 message will be tried now" in said(school, "mail", "retry")
    assert "no message of this id waits" in said(school, "mail", "retry", "0" * 16, code=1)
    assert "its sender is told so" in said(school, "mail", "drop", waiting["id"], "--reason", "agreed with her")
    assert "Nothing waits." in said(school, "mail", "queue")
    (event,) = school.when(lambda: school.events(kind="mail-left"))
    assert (event["message_id"], event["outcome"], event["reason"]) == (waiting["id"], "failed", "agreed with her")
    (letter,) = school.mailbox("anna.lehmann").glob("new/*")
    assert b"mama@home.example" in letter.read_bytes()


def test_settings_that_cannot_work_are_said_by_reload_and_red_at_once(school: School) -> None:
    missing = school.folder / "nobody"
    outside = {"login": "schule", "password_file": str(missing), "clamd": str(missing), "relays": ["192.0.2.25"]}
    addresses = {"klasse3a": {"users": ["anna.lehmann"]}, "leitung": {"users": ["gibts.nicht"]}}
    path = school.folder / "etc" / "mail.yaml"
    before = path.read_text()
    try:
        school.write("mail", json.dumps({"outside": {**AWAY, **outside}, "rules": {"addresses": addresses}}))
        file, group, unknown, nobody = school.call("settings.reload")["warnings"]
        assert file == f"mail.yaml:1 outside.password_file: there is no file {missing}"
        assert group.startswith("mail.yaml:1 rules.addresses.klasse3a takes the mail of the group")
        assert "1 of 1 users" in unknown and "reaches nobody" in nobody
        assert row(school, "mail addresses")["text"] == f"{group}; {unknown}; {nobody}"
        shown = school.when(lambda: row(school) if not row(school)["ok"] else None)
        assert shown["text"] == f"the password in {missing} cannot be read: No such file or directory"
        scanners = school.when(lambda: row(school, "scanners of mail"))
        assert not scanners["ok"] and "clamd cannot be reached" in str(scanners["text"])
    finally:
        school.write("mail", before)
        assert school.call("settings.reload")["warnings"] == []
    school.when(lambda: not row(school, "scanners of mail") and row(school)["ok"])
    assert not row(school, "mail addresses")
