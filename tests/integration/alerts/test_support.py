"""The support bundle of a running school with the demo's people: none of them is in it."""

import base64
import csv
import io
import os
import re
import stat
import subprocess
import tarfile

from appliance.auth.envelope import Keys
from tests.integration.support_place import ROOT

DEMO = ROOT / "etc" / "demo" / "roster.csv"
CLOSED = ("settings/", "packages.txt", "system.txt", "README.txt", "units.txt")
"""What holds words of programs only: a name may be one of them, as Max is in max_age."""


def people(school):
    """Import the demo's roster; logins, and names as they are written."""
    school.call(
        "users.import",
        content=base64.b64encode(DEMO.read_bytes()).decode(),
        filename="roster.csv",
        dry_run=False,
        consents=["account", "logs"],
        consent_version="2026-08",
        recipient=Keys.generate().public,
        allow_gone=True,
    )
    rows = list(csv.DictReader(io.StringIO(DEMO.read_text(encoding="utf-8")), delimiter=";"))
    names = [(row["Vorname"], row["Nachname"]) for row in rows]
    return [user["login"] for user in school.call("users.list")["users"]], names


def bundle(school, folder):
    out = folder / "report.tar.gz"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHOOLSERVER_CONTROL": str(school.control)}
    code = "from appliance.cli.report import report; report()"
    argv = ["/usr/bin/python3", "-c", code, "--out", str(out), "--settings", str(school.settings.folder)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with tarfile.open(out) as archive:
        return {
            entry.name.removeprefix("schoolserver-report/"): archive.extractfile(entry).read().decode()
            for entry in archive.getmembers()
        }


def test_nobody_is_in_the_bundle(school, tmp_path):
    logins, names = people(school)
    assert len(logins) >= len(names) == 60
    planted = school.settings.server.state / "log" / "mail.log"
    with planted.open("a") as log:  # as if a library had let it slip
        for login, (given, surname) in zip(logins, names, strict=False):
            log.write(f"error mail: box {login} of {given} {surname} <{login.upper()}@schule.example> at 10.1.12.17\n")
    parts = bundle(school, tmp_path)
    assert {"status.json", "journal/mail.txt", "settings/alerts.yaml", "disks.txt", "packages.txt"} <= set(parts)
    assert "error mail: box (person)" in parts["journal/mail.txt"]
    everything = "\n".join(parts.values())
    assert not [login for login in logins if login in everything.lower()]
    assert not [name for name in names if " ".join(name) in everything]
    for secret in ("carer@town.example", "Kartoffel", "schule.example", "10.1.12.17", "localhost:"):
        assert secret not in everything, secret
    open_text = "\n".join(text for name, text in parts.items() if not name.startswith(CLOSED))
    words = {word.casefold() for word in re.findall(r"[^\W_]+", open_text)}
    said = {word.casefold() for name in names for part in name for word in re.findall(r"[^\W_]{2,}", part)}
    assert not words & said - {"von", "der"}
