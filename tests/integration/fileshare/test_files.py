"""Files as people use them: put, get, list, share; with ftplib, curl and lftp."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.integration.fileshare.school import FRED, FRIDA, GINA, GROUPS, PEOPLE, School
from tests.integration.support_parts import LIMIT, PASSWORD
from tests.integration.support_place import AS_ROOT

CONTENT = os.urandom(300_001)


def put(client: ftplib.FTP, path: str, content: bytes = CONTENT) -> str:
    return client.storbinary(f"STOR {path}", io.BytesIO(content))


def get(client: ftplib.FTP, path: str, rest: int | None = None) -> bytes:
    came = io.BytesIO()
    client.retrbinary(f"RETR {path}", came.write, rest=rest)
    return came.getvalue()


def test_what_is_stored_comes_back(school: School) -> None:
    with school.ftp() as client:
        assert client.nlst("/") == ["Groups", "Home"]
        assert put(client, "/Home/Referat über Äpfel.odt").startswith("226")
        assert client.nlst("/Home") == ["Referat über Äpfel.odt"]
        assert get(client, "/Home/Referat über Äpfel.odt") == CONTENT
        assert get(client, "/Home/Referat über Äpfel.odt", rest=1000) == CONTENT[1000:]
        assert client.size("/Home/Referat über Äpfel.odt") == len(CONTENT)
    stored = school.home(FRED) / "Referat über Äpfel.odt"
    assert stored.read_bytes() == CONTENT
    if AS_ROOT:
        assert (stored.stat().st_uid, stat.S_IMODE(stored.stat().st_mode)) == (PEOPLE[FRED].uid, 0o660)


def test_text_and_empty_files_are_not_changed(school: School) -> None:
    text = b"one\r\ntwo\nthree\r"
    with school.ftp() as client:
        client.storlines("STOR /Home/text", io.BytesIO(b"a\r\nb\r\n"))
        put(client, "/Home/raw", text)
        put(client, "/Home/empty", b"")
        assert get(client, "/Home/raw") == text
        assert get(client, "/Home/empty") == b""
        assert get(client, "/Home/text") == b"a\r\nb\r\n"


def test_folders_and_names(school: School) -> None:
    with school.ftp() as client:
        client.mkd("/Home/Deutsch")
        client.cwd("/Home/Deutsch")
        assert client.pwd() == "/Home/Deutsch"
        put(client, "a.txt", b"a")
        client.rename("a.txt", "../b.txt")
        assert dict(client.mlsd("/Home", ["size"])).keys() >= {"Deutsch", "b.txt"}
        lines: list[str] = []
        client.dir("/Home", lines.append)
        assert len(lines) == 2
        with pytest.raises(ftplib.error_perm, match="550"):
            client.delete("/Home/Deutsch")
        client.rmd("/Home/Deutsch")
        client.sendcmd("MFMT 20200102030405 /Home/b.txt")
        assert client.sendcmd("MDTM /Home/b.txt") == "213 20200102030405"
        client.delete("/Home/b.txt")
        assert client.nlst("/Home") == []


@pytest.mark.parametrize(
    "command", ["MKD /Neu", "DELE /Home", "RMD /Home", "RMD /Groups/klasse3a", "STOR /x", "MKD /Groups/x"]
)
def test_the_shares_themselves_stay(school: School, command: str) -> None:
    with school.ftp() as client:
        client.makepasv()
        with pytest.raises(ftplib.error_perm, match="550"):
            client.sendcmd(command)


def test_a_group_shares_equally(school: School) -> None:
    with school.ftp(FRED) as fred, school.ftp(FRIDA) as frida:
        assert frida.nlst("/") == ["Groups", "Home", "Staff"]
        assert frida.nlst("/Groups") == ["klasse3a"]
        fred.mkd("/Groups/klasse3a/Projekt")
        put(fred, "/Groups/klasse3a/Projekt/a", b"from fred")
        assert get(frida, "/Groups/klasse3a/Projekt/a") == b"from fred"
        put(frida, "/Groups/klasse3a/Projekt/a", b"from frida")
        put(frida, "/Groups/klasse3a/Projekt/b", b"from frida")
        assert get(fred, "/Groups/klasse3a/Projekt/a") == b"from frida"
        fred.delete("/Groups/klasse3a/Projekt/b")
        put(frida, "/Staff/notes", b"staff only")
        with pytest.raises(ftplib.error_perm, match="550"):
            get(fred, "/Staff/notes")
    if AS_ROOT:
        found = (school.group("klasse3a") / "Projekt" / "a").stat()
        assert (found.st_uid, found.st_gid) == (PEOPLE[FRIDA].uid, GROUPS["klasse3a"].gid)


def test_a_file_moved_into_a_group_is_the_groups(school: School) -> None:
    with school.ftp(FRED) as fred, school.ftp(FRIDA) as frida:
        put(fred, "/Home/a", b"from fred")
        fred.rename("/Home/a", "/Groups/klasse3a/a")
        assert get(frida, "/Groups/klasse3a/a") == b"from fred"
        frida.delete("/Groups/klasse3a/a")
        fred.mkd("/Home/whole")
        with pytest.raises(ftplib.error_perm, match="550"):
            fred.rename("/Home/whole", "/Groups/klasse3a/whole")


@pytest.mark.parametrize(
    "path",
    [
        f"/Home/../{GINA}",
        f"/Home/../../homes/{GINA}/secret",
        f"/homes/{GINA}/secret",
        f"/Home/{GINA}/secret",
        "/Groups/klasse3b/secret",
        "/Groups/kollegium/secret",
        "/Staff/secret",
        "/Home/link/secret",
        "/Home/passwd",
        "//etc/passwd",
        "/Home/../../../../../../etc/passwd",
    ],
)
def test_what_is_somebody_elses_is_not_there(school: School, path: str) -> None:
    (school.home(GINA) / "secret").write_bytes(b"secret")
    (school.group("klasse3b") / "secret").write_bytes(b"secret")
    (school.group("kollegium") / "secret").write_bytes(b"secret")
    (school.home(FRED) / "link").symlink_to(school.home(GINA))
    (school.home(FRED) / "passwd").symlink_to("/etc/passwd")
    with school.ftp(FRED) as client:
        for call in (
            lambda: get(client, path),
            lambda: client.cwd(path),
            lambda: put(client, f"{path}/x", b"x"),
        ):
            with pytest.raises(ftplib.error_perm, match="550"):
                call()
        assert "secret" not in "".join(_listed(client, path))


def _listed(client: ftplib.FTP, path: str) -> list[str]:
    lines: list[str] = []
    for command in ("NLST", "LIST", "MLSD"):
        with contextlib.suppress(ftplib.error_perm):
            client.retrlines(f"{command} {path.removesuffix('/secret')}", lines.append)
    return lines


def test_a_link_is_replaced_not_followed(school: School) -> None:
    outside = school.folder / "outside"
    outside.write_bytes(b"untouched")
    outside.chmod(0o666)
    (school.home(FRED) / "link").symlink_to(outside)
    with school.ftp(FRED) as client:
        with pytest.raises(ftplib.error_perm, match="550"):
            put(client, "/Home/link", b"new")
        client.delete("/Home/link")
    assert outside.read_bytes() == b"untouched"
    outside.unlink()


@pytest.mark.skipif(not AS_ROOT, reason="the kernel keeps people apart only when the service runs as root")
def test_the_kernel_says_no_too(school: School) -> None:
    """A folder inside one's own home that belongs to somebody else stays closed, whatever our own checks say."""
    closed = school.home(FRED) / "closed"
    closed.mkdir(mode=0o700)
    (closed / "file").write_bytes(b"x")
    with school.ftp(FRED) as client:
        for command in ("CWD /Home/closed", "SIZE /Home/closed/file", "DELE /Home/closed/file"):
            with pytest.raises(ftplib.error_perm, match="550"):
                client.sendcmd(command)


def test_someone_moved_to_another_class_sees_it_at_once(school: School) -> None:
    from tests.integration.demo.waiting import eventually

    with school.ftp(FRED) as client:
        assert client.nlst("/Groups") == ["klasse3a"]
        school.publish(fred__mustermann={"groups": ("klasse3b",)})
        eventually(lambda: client.nlst("/Groups") == ["klasse3b"])
        with pytest.raises(ftplib.error_perm, match="550"):
            client.cwd("/Groups/klasse3a")


def test_special_files_are_not_opened(school: School) -> None:
    os.mkfifo(school.home(FRED) / "fifo")
    if AS_ROOT:
        os.chown(school.home(FRED) / "fifo", PEOPLE[FRED].uid, PEOPLE[FRED].uid)
    with school.ftp(FRED) as client, pytest.raises(ftplib.error_perm, match="550"):
        get(client, "/Home/fifo")


def test_curl_stores_and_fetches(school: School, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    address = f"ftp://127.0.0.1:{school.port}/Home/by-curl"
    curl = ["curl", "-sS", "--ssl-reqd", "--cacert", str(school.ca), "--user", f"{FRED}:{PASSWORD}"]
    subprocess.run([*curl, "-T", str(source), address], check=True, timeout=30)
    assert subprocess.run([*curl, address], check=True, timeout=30, capture_output=True).stdout == CONTENT
    source.write_bytes(bytes(2_500_000))
    done = subprocess.run([*curl, "-T", str(source), address], check=False, timeout=30, capture_output=True)
    assert done.returncode == 70  # exceeded storage allocation
    assert (school.home(FRED) / "by-curl").read_bytes() == CONTENT


@pytest.mark.skipif(shutil.which("lftp") is None, reason="lftp is not installed")
def test_lftp_mirrors_a_folder(school: School, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "inner").mkdir(parents=True)
    for number in range(20):
        (source / "inner" / f"{number}").write_bytes(CONTENT[: number * 1000])
    script = (
        f"set ssl:ca-file {school.ca}; set ftp:ssl-force true; set ftp:ssl-protect-data true; set net:max-retries 1;"
        f" open -u {FRED},{PASSWORD} ftp://127.0.0.1:{school.port}; mirror -R {source} /Home/there;"
        f" mirror /Home/there {target}; rm -r /Home/there"
    )
    subprocess.run(["lftp", "-c", script], check=True, timeout=60, env=os.environ | {"LFTP_HOME": str(tmp_path)})
    for number in range(20):
        assert (target / "inner" / f"{number}").read_bytes() == CONTENT[: number * 1000]
        assert (target / "inner" / f"{number}").stat().st_mode & stat.S_IRUSR
    assert list(school.home(FRED).iterdir()) == []


def test_times_come_back_as_they_were_set(school: School) -> None:
    with school.ftp(FRED) as client, school.ftp(FRIDA) as other:
        put(client, "/Groups/klasse3a/a", b"12345")
        assert client.sendcmd("MFMT 20200229235959 /Groups/klasse3a/a").startswith("213 Modify=20200229235959;")
        assert client.sendcmd("MDTM /Groups/klasse3a/a") == "213 20200229235959"
        ((name, facts),) = client.mlsd("/Groups/klasse3a", facts=["type", "size", "modify"])
        assert (name, facts) == ("a", {"type": "file", "size": "5", "modify": "20200229235959"})
        lines = client.sendcmd("MLST /Groups/klasse3a/a").splitlines()
        assert lines[1].endswith("; /Groups/klasse3a/a") and "type=file" in lines[1]
        for wrong in (
            "20200230000000 /Groups/klasse3a/a",
            "2020 /Groups/klasse3a/a",
            "20200229235959 /Groups/klasse3a",
        ):
            with pytest.raises(ftplib.error_perm, match="550"):
                client.sendcmd(f"MFMT {wrong}")
        if AS_ROOT:
            with pytest.raises(ftplib.error_perm, match="550"):
                other.sendcmd("MFMT 20200101000000 /Groups/klasse3a/a")
        features = client.sendcmd("FEAT")
        for feature in (
            "MFMT",
            "MDTM",
            "MLST type*",
            "REST STREAM",
            "SIZE",
            "TVFS",
            "UTF8",
            "EPSV",
            "AUTH TLS",
            "PROT",
        ):
            assert f"\n {feature}" in features


def test_lftp_keeps_times(school: School, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    os.utime(tmp_path / "a", (1_000_000_000, 1_000_000_000))
    url = f"ftp://127.0.0.1:{school.port}"
    school.lftp(url, f"put {tmp_path}/a -o /Home/a; get /Home/a -o {tmp_path}/b")
    assert (school.home(FRED) / "a").stat().st_mtime == 1_000_000_000 == (tmp_path / "b").stat().st_mtime


def test_a_download_goes_on_where_it_ended(school: School, tmp_path: Path) -> None:
    with school.ftp(FRED) as client:
        put(client, "/Home/a", b"0123456789")
        for start, expected in ((3, b"3456789"), (10, b"")):
            found: list[bytes] = []
            client.retrbinary("RETR /Home/a", found.append, rest=start)
            assert b"".join(found) == expected
        with pytest.raises(ftplib.error_perm, match="554"):
            client.retrbinary("RETR /Home/a", found.append, rest=11)
    (tmp_path / "a").write_bytes(b"0123")
    url = f"ftp://127.0.0.1:{school.port}/Home/a"
    school.curl("--ssl-reqd", "-C", "-", "-o", str(tmp_path / "a"), url)
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    assert school.curl("--ssl-reqd", "-r", "2-5", url).stdout == "2345"


def test_the_reason_is_told_in_the_schools_language(school: School) -> None:
    with school.ftp(FRED) as client, pytest.raises(ftplib.error_perm, match=r"552 .*zu groß.*[0-9A-Z]{4}-[0-9A-Z]{4}"):
        put(client, "/Home/a", bytes(LIMIT + 1))
