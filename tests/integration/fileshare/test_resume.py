"""What is left of a broken upload can be resumed, by its owner, with the programs that people have."""

from __future__ import annotations

import contextlib
import ftplib
import io
import secrets
import socket
import time
from pathlib import Path

import pytest

from appliance.usage.ledger import Usage
from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FRED, FRIDA, PEOPLE, School, answer, said
from tests.integration.support_parts import LIMIT
from tests.integration.support_place import AS_ROOT

WHOLE = secrets.token_bytes(900_000)
CAME = 300_000


def break_off(school: School, path: str, data: bytes = WHOLE[:CAME], login: str = FRED) -> None:
    """Begin to store and lose the connection once ``data`` has come."""
    with school.ftp(login) as client:
        sending = client.transfercmd(f"STOR {path}")
        sending.sendall(data)
        eventually(lambda: f" Total bytes received: {len(data)}" in client.sendcmd("STAT"))
        raw = socket.socket(fileno=sending.detach())
        raw.shutdown(socket.SHUT_WR)
        assert said(client).startswith("426")
        raw.close()


def test_it_goes_on_where_it_broke_off(school: School) -> None:
    break_off(school, "/Home/film")
    with school.ftp() as client:
        assert client.nlst("/Home") == [] and list(client.mlsd("/Home")) == []
        assert client.size("/Home/film") == CAME
        for command in ("RETR /Home/film", "MDTM /Home/film", "MLST /Home/film", "RNFR /Home/film"):
            with contextlib.suppress(ftplib.Error):
                client.makepasv()
            assert answer(client, command).startswith("550")
        stored = client.storbinary("STOR /Home/film", io.BytesIO(WHOLE[CAME:]), rest=CAME)
        assert stored.startswith("226")
        assert client.size("/Home/film") == len(WHOLE)
    assert [path.name for path in school.home(FRED).iterdir()] == ["film"]
    assert (school.home(FRED) / "film").read_bytes() == WHOLE


def test_lftp_goes_on(school: School, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(WHOLE)
    break_off(school, "/Home/film")
    before = school.home(FRED).stat().st_mtime_ns
    school.lftp(f"ftp://127.0.0.1:{school.port}", f"put -c {tmp_path}/film -o /Home/film")
    assert (school.home(FRED) / "film").read_bytes() == WHOLE
    assert school.home(FRED).stat().st_mtime_ns > before


@pytest.mark.parametrize("came", [1, CAME])
def test_curl_goes_on(school: School, tmp_path: Path, came: int) -> None:
    (tmp_path / "film").write_bytes(WHOLE)
    break_off(school, "/Home/film", WHOLE[:came])
    url = f"ftp://127.0.0.1:{school.port}/Home/film"
    done = school.curl("-v", "--ssl-reqd", "-C", "-", "-T", str(tmp_path / "film"), url)
    assert f"< 213 {came}" in done.stderr
    assert (school.home(FRED) / "film").read_bytes() == WHOLE


def test_the_limit_holds_for_all_of_it(school: School) -> None:
    break_off(school, "/Home/film")
    with school.ftp() as client:
        with pytest.raises(ftplib.error_perm, match="552"):
            client.storbinary("STOR /Home/film", io.BytesIO(bytes(LIMIT - CAME + 1)), rest=CAME)
        assert answer(client, "SIZE /Home/film").startswith("550")
    assert list(school.home(FRED).iterdir()) == []


@pytest.mark.skipif(not AS_ROOT, reason="as one user all files have one owner")
def test_it_is_its_owners_and_no_file_to_others(school: School) -> None:
    break_off(school, "/Groups/klasse3a/film")
    (rest,) = school.group("klasse3a").iterdir()
    assert rest.stat().st_uid == PEOPLE[FRED].uid and rest.stat().st_mode & 0o777 == 0o600
    with school.ftp(FRIDA) as other, school.ftp() as client:
        assert answer(other, "SIZE /Groups/klasse3a/film").startswith("550")
        assert answer(other, "DELE /Groups/klasse3a/film").startswith("550")
        assert answer(other, f"DELE /Groups/klasse3a/{rest.name}").startswith("550")
        with pytest.raises(ftplib.error_perm, match="554"):
            other.storbinary("STOR /Groups/klasse3a/film", io.BytesIO(b"x"), rest=CAME)
        other.mkd("/Groups/klasse3a/inner")
        assert client.size("/Groups/klasse3a/film") == CAME
        client.storbinary("STOR /Groups/klasse3a/film", io.BytesIO(WHOLE[CAME:]), rest=CAME)
        found: list[bytes] = []
        other.retrbinary("RETR /Groups/klasse3a/film", found.append)
        assert b"".join(found) == WHOLE
        other.rmd("/Groups/klasse3a/inner")


@pytest.mark.skipif(not AS_ROOT, reason="as one user all files have one owner, who is no account")
def test_it_counts_in_the_quota(school: School) -> None:
    usage = Usage(school.settings.server.runtime / "usage")
    usage.refresh()
    before = usage.of(PEOPLE[FRED].uid)
    quota = before + 1_000_000
    school.publish(fred__mustermann={"quota": quota})
    with school.ftp() as client:
        eventually(lambda: answer(client, "ALLO 1100000").startswith("552"))
        break_off(school, "/Home/film")
        assert usage.of(PEOPLE[FRED].uid) == before + CAME
        assert answer(client, "ALLO 800000").startswith("552")
        # Going on costs only what is added, up to the last byte of the quota.
        client.storbinary("STOR /Home/film", io.BytesIO(bytes(1_000_000 - CAME)), rest=CAME)
        assert usage.of(PEOPLE[FRED].uid) == quota
        client.delete("/Home/film")
        break_off(school, "/Home/film")
        client.delete("/Home/film")
        assert usage.of(PEOPLE[FRED].uid) == before


def test_a_stopped_service_leaves_it_too(school: School) -> None:
    """Who cannot end within the time that a stop gives goes on afterwards."""
    with school.ftp() as client:
        sending = client.transfercmd("STOR /Home/film")
        sending.sendall(WHOLE[:CAME])
        eventually(lambda: f" Total bytes received: {CAME}" in client.sendcmd("STAT"))
        school.files.stop()
        sending.close()
    school.files.start()
    with school.ftp() as client:
        assert client.size("/Home/film") == CAME


@pytest.mark.soak  # twice the time of patience
def test_who_falls_silent_leaves_it_too(school: School) -> None:
    with school.ftp() as client:
        sending = client.transfercmd("STOR /Home/film")
        sending.sendall(WHOLE[:CAME])
        began = time.monotonic()
        assert said(client).startswith("421")
        assert time.monotonic() - began < 25
        sending.close()
    with school.ftp() as client:
        assert client.size("/Home/film") == CAME
