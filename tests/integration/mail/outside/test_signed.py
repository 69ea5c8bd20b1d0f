"""What leaves is signed so that receivers can verify it, and ``check --outside`` finds what is wrong with the way."""

import re
import time
from pathlib import Path

import dkim
import pytest
from click.testing import CliRunner

from appliance.cli import check_outside
from appliance.cli.main import main
from appliance.daemon.dns_lookup import Names, NoAnswer
from appliance.daemon.options_network import Address
from tests.integration.demo.waiting import eventually
from tests.integration.mail.outside.postfix import Postfix
from tests.integration.mail.outside.school import OutsideSchool, outside_school
from tests.integration.mail.outside.zone import running_zone
from tests.integration.support_ports import free_port

KEY = "school2026._domainkey.schule.example"


def test_receivers_can_verify_it(postfix: Postfix, tmp_path: Path) -> None:
    with outside_school(postfix.port, postfix.ca, more="dkim_selector: school2026") as school:
        name, record = school.ask("standing")["dkim"]
        key = school.settings.server.state / "mail" / "dkim" / "school2026.pem"
        assert name == KEY and key.stat().st_mode & 0o777 == 0o600
        school.send(
            "mama@home.example", text="Subject: Größe\r\n\r\nGrüße\r\n.\r\n\r\n\r\n".encode(), options=["SMTPUTF8"]
        )
        (message,) = eventually(lambda: postfix.boxes("mama"))
        school.outbound.stop()
        school.outbound.start()
        assert school.ask("standing")["dkim"] == [name, record], "the key stays"
    with running_zone(tmp_path, f"{KEY} TXT {record}\n") as server:
        names = Names(server)

        def text(asked: bytes, timeout: int = 5) -> bytes:
            return "".join(names.lookup(asked.decode().rstrip("."), "TXT")).encode()

        assert dkim.verify(message, dnsfunc=text)
        assert not dkim.verify(message.replace("Grüße".encode(), b"Geld!"), dnsfunc=text)
        forged = message.replace(b"Frida Lehrer <frida.lehrer@", b"Frida Lehrer <ada.admin@")
        assert forged != message and not dkim.verify(forged, dnsfunc=text)


def test_no_letter_takes_long_to_sign(postfix: Postfix) -> None:
    """Blanks and empty lines are where a signer may lose his time."""
    blanks, empty = b" " * 990 + b"x\r\n", b"\r\n" * 500_000
    with outside_school(postfix.port, postfix.ca, more="dkim_selector: school2026") as school:
        school.send("oma@home.example", text=b"Subject: x\r\n\r\n" + blanks * 1500 + empty + b"x\r\n")
        longest = 0.0
        while not postfix.boxes("oma"):
            begun = time.monotonic()
            school.ask("standing")
            longest = max(longest, time.monotonic() - begun)
        assert longest < 2, "it answers meanwhile"


@pytest.fixture
def school(postfix: Postfix) -> OutsideSchool:
    more = "dkim_selector: school2026\n  clamd: /nowhere/clamd.ctl"
    with outside_school(postfix.port, postfix.ca, more=more) as running:
        yield running


def said(school: OutsideSchool, server: Address, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """What ``check --outside`` says; the supervisor, who is not there, is asked for the key only."""
    monkeypatch.setattr(check_outside, "call", lambda _verb, _arguments: {"dkim": school.ask("standing")["dkim"]})
    done = CliRunner().invoke(
        main, ["check", "--settings", str(school.settings.folder), "--outside", "--dns", f"127.0.0.1:{server.port}"]
    )
    return done.exit_code, done.output


def test_all_is_right(school: OutsideSchool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = school.ask("standing")["dkim"][1]
    zone = (
        "schule.example TXT v=spf1 include:town.example -all\n"
        "town.example TXT v=spf1 ip4:127.0.0.0/8 ip6:::1 -all\n"
        f"schule.example MX mx.town.example\n{KEY} TXT {record}\n"
    )
    with running_zone(tmp_path, zone) as server:
        code, output = said(school, server, monkeypatch)
    assert code == 2 and output.count("BAD") == 2, "no scanner, and the smarthost takes little"
    assert "clamd cannot be reached (No such file or directory)" in output
    for line in (
        "BAD  smarthost: takes messages of up to 3 MB, but the school's largest have 27.6 MB when they are sent",
        "says pass",
        f"{KEY} holds our key",
        "mx.town.example",
    ):
        assert line in output


def test_what_is_wrong_is_said(school: OutsideSchool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = f"schule.example TXT v=spf1 ip4:192.0.2.1 -all\n{KEY} TXT v=DKIM1; k=rsa; p=AAAA\n"
    path = school.settings.folder / "mail.yaml"
    path.write_text(path.read_text().replace(f"ca: {school.settings.mail.outside.ca}", "ca: null"))
    with running_zone(tmp_path, zone) as server:
        code, output = said(school, server, monkeypatch)
    assert code == 2
    for line in (
        "cannot prove who it is",
        "says fail to the smarthost's address 127.0.0.1: its record needs ip4:127.0.0.1, or the include:",
        "holds another key",
        f'{KEY}. IN TXT ( "v=DKIM1; k=rsa; p=MII',
        "schule.example. IN MX 10 mx.provider.example.",
    ):
        assert line in output
    pieces = re.findall(r'"([^"]*)"', output.partition("IN TXT ( ")[2].partition(" )")[0])
    assert "".join(pieces) == school.ask("standing")["dkim"][1]
    assert len(pieces) == 2 and max(map(len, pieces)) == 255, "a zone file takes no longer ones"
    with running_zone(tmp_path, "schule.example A 127.0.0.1\n") as server:
        code, output = said(school, server, monkeypatch)
    assert code == 2 and "holds nothing" in output
    assert re.search(r'schule.example. IN TXT "v=spf1 ip4:127.0.0.1 (ip6:::1 )?~all"', output)


def test_a_dns_that_says_nothing_is_no_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with pytest.raises(NoAnswer, match=rf"DNS server \(127.0.0.1 port {port}\) says nothing about schule.example$"):
        Names(Address("127.0.0.1", port)).lookup("schule.example", "TXT")
