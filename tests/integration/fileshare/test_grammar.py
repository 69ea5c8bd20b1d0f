"""Lines that no program sends, and commands out of order: each is answered once, and none does what another would."""

from __future__ import annotations

import contextlib
import ftplib
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.fileshare.protocol import Connection
from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FRED, School, answer, said
from tests.integration.support_parts import LIMIT, PASSWORD

STRANGE = (
    "SITE STOU PORT EPRT LPRT REIN CCC ADAT MIC CONF ENC ACCT SMNT HOST CLNT MFF MFCT AVBL DSIZ HASH RANG COMB x stor"
)
KNOWN = (*Connection.proto_cmds, *STRANGE.split())
PATHS = st.sampled_from(
    ("/", "/Home", "/Home/a", "Home/../a", "20200101000000 /Home/a", "MLST type;", "-1", "0", "A", "I")
)
ANYTHING = st.text(max_size=40) | PATHS | st.integers().map(str)
LINES = st.builds(lambda cmd, arg: f"{cmd} {arg}".encode("utf-8", "surrogatepass"), st.sampled_from(KNOWN), ANYTHING)


def one_line(line: bytes) -> bool:
    """Whether it is one, and none that ends the session or waits for a connection."""
    command = line.upper().split(b" ")[0]
    return b"\r\n" not in line and not command.endswith((b"QUIT", b"PASV", b"EPSV"))


def test_each_line_has_one_answer(school: School) -> None:
    before = school.log.stat().st_size
    with school.ftp() as client:

        @settings(
            max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
        )
        @given(st.lists((LINES | st.binary(max_size=60)).filter(one_line), min_size=1, max_size=6))
        def lines(found: list[bytes]) -> None:
            client.sock.sendall(b"".join(line + b"\r\n" for line in found) + b"NOOP\r\n")
            for line in found:
                assert client.getmultiline()[:1] in "2345", line
            assert client.getmultiline().startswith("200"), found

        lines()
    with school.log.open("rb") as log:
        log.seek(before)
        assert b"failed" not in log.read()


@pytest.mark.parametrize("length", [2048, 2100, 16_374, 70_000])
def test_the_end_of_a_long_line_is_no_command(school: School, length: int) -> None:
    with school.ftp() as client:
        client.storbinary("STOR /Home/a", io.BytesIO(b"12345"))
        client.sock.sendall(
            b"CWD /Home/" + b"x" * length + b"DELE /Home/a\r\n" + b"DELE /Home/a " * 400 + b"\r\nNOOP\r\n"
        )
        assert said(client).startswith("500") and said(client).startswith("500") and said(client).startswith("200")
        assert client.nlst("/Home") == ["a"]


def test_many_commands_at_once(school: School) -> None:
    """However many lines come in one piece of TLS: all are answered, in their order, also those behind a sign-in."""
    many = b"".join(b"MLST /Home/%d\r\n" % number for number in range(900))
    with school.ftp(None) as client:
        client.auth()
        client.sock.sendall(
            f"USER {FRED}\r\nPASS {PASSWORD}\r\n".encode() + many + b"MKD /Home/5\r\n" + many + b"NOOP\r\n"
        )
        assert said(client).startswith("331") and said(client).startswith("230")
        assert [client.getmultiline()[:3] for _ in range(900)] == ["550"] * 900
        assert said(client).startswith("257")
        found = [client.getmultiline()[:3] for _ in range(900)]
        assert {n: c for n, c in enumerate(found) if c != "550"} == {5: "250"}
        assert said(client).startswith("200")


def test_a_transfer_is_ended_as_programs_do_it(school: School) -> None:
    """RFC 959, 4.1.3: telnet's signals come before ABOR; over TLS lftp sends them as bytes."""
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/a")
        data.sendall(bytes(100_000))
        eventually(lambda: " Total bytes received: 100000" in client.sendcmd("STAT"))
        client.sock.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
        assert said(client).startswith("426") and said(client).startswith("226")
        data.close()
        assert client.nlst("/Home") == []


def test_a_transfer_without_a_connection_is_none(school: School) -> None:
    with school.ftp() as client:
        client.storbinary("STOR /Home/a", io.BytesIO(b"12345"))
        for command in (
            "RETR /Home/a",
            "STOR /Home/a",
            "STOR /Home/b",
            "APPE /Home/a",
            "LIST",
            "NLST /Home",
            "MLSD /Home",
        ):
            assert answer(client, command).startswith("425"), command
        assert answer(client, "RETR /Home/b").startswith("550")
        client.makepasv()
        assert answer(client, "ABOR").startswith("225")
        assert answer(client, "RETR /Home/a").startswith("425")
        assert client.nlst("/Home") == ["a"] and client.size("/Home/a") == 5


def test_nothing_is_heard_after_the_last_word(school: School) -> None:
    """Who sends many passwords at once has no more attempts than who waits for the answers."""
    before = _attempts(school)
    with school.ftp(None) as client:
        client.auth()
        client.sock.sendall(f"USER {FRED}\r\nPASS wrong\r\n".encode() * 5)
        heard = []
        with contextlib.suppress(EOFError, OSError):
            while True:
                heard.append(said(client)[:3])
    assert heard == ["331", "530"] * 3 + ["421"]
    with school.ftp():  # one event more, which comes behind those of all attempts before
        eventually(lambda: _attempts(school) > before + 3)
    assert _attempts(school) == before + 4


def _attempts(school: School) -> int:
    """How many passwords auth has checked and recorded."""
    record = school.settings.server.state / "audit" / "use.jsonl"
    return record.read_text().count('"kind":"sign-in"') if record.exists() else 0


def test_reasons_are_told_in_the_language_that_is_asked_for(school: School) -> None:
    """RFC 2640, 4: the school's language, unless the program asks for another that is spoken here."""
    with school.ftp(None) as client:
        client.auth()
        assert "\n LANG DE*;EN\n" in answer(client, "FEAT")
        assert answer(client, "LANG en-GB").startswith("200 English")
        assert "\n LANG DE;EN*\n" in answer(client, "FEAT")
        ftplib.FTP_TLS.login(client, FRED, PASSWORD, secure=False)
        client.prot_p()
        too_much = f"ALLO {LIMIT + 1}"
        assert "too large" in answer(client, too_much)
        assert answer(client, "LANG la").startswith("504")
        assert "too large" in answer(client, too_much)
        for line in ("LANG", "LANG DE"):
            assert answer(client, line).startswith("200 Ab jetzt")
            assert "zu groß" in answer(client, too_much)
        with pytest.raises(ftplib.error_perm, match=r"552 .*zu groß.*[0-9A-Z]{4}-[0-9A-Z]{4}"):
            client.storbinary("STOR /Home/a", io.BytesIO(bytes(LIMIT + 1)))
        client.sendcmd("LANG EN")
        with pytest.raises(ftplib.error_perm, match=r"552 .*too large.*[0-9A-Z]{4}-[0-9A-Z]{4}"):
            client.storbinary("STOR /Home/a", io.BytesIO(bytes(LIMIT + 1)))


@pytest.mark.parametrize(("asked", "told"), [("", "zu gro"), ("en", "too large")])
def test_lftp_asks_for_a_language(school: School, asked: str, told: str) -> None:
    (school.folder / "big").write_bytes(bytes(LIMIT + 1))
    failed = school.lftp(
        f"ftp://127.0.0.1:{school.port}",
        f"set ftp:lang '{asked}'; set cmd:fail-exit no; put {school.folder}/big -o /Home/big || echo refused",
        stderr=True,
    )
    assert told in failed and "refused" in failed
    assert list(school.home(FRED).iterdir()) == []
