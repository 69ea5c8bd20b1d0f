"""After all the others: what the journal says about people (nothing), how the demo ends, how it starts again.

The file's name puts it last; run alone it has a demo of its own to end.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.integration.demo.clients import Clients, letter, refusal_code
from tests.integration.demo.running import Account, RunningDemo, paths_outside
from tests.integration.demo.waiting import eventually


def test_the_journal_names_nobody(
    fred: Account, teacher: Account, somebody: Callable[[], Account], demo: RunningDemo, clients: Clients
) -> None:
    """K16, issue 2, item 11: no login, no name, no address, no file; whatever was done, refused or broken before."""
    pupil = somebody()
    clients.smtp_answer(pupil, "Not-his-password-1")
    clients.imap_answer(pupil, "Not-his-password-1")
    sent = letter(pupil, teacher, attachment=b"secret")
    clients.send(pupil, teacher, sent)
    clients.read(teacher, str(sent["Subject"]).split()[-1])
    with clients.smtp(fred) as client:
        client.mail(fred.address)
        client.rcpt("somebody@example.org")
        client.docmd("AUTH", "PLAIN !!!")
    clients.run("users", "lock", "nobody.atall", "--reason", "x")
    logs = {path.name: path.read_text(errors="replace") for path in (demo.state / "lib" / "log").iterdir()}
    assert logs.keys() >= {"mail.log", "imap.log", "auth.log", "supervisor.log", "directory.log"}
    telling = [*demo.accounts, *(word for account in demo.accounts for word in account.split(".") if len(word) > 4)]
    telling += [
        "127.0.0.1",
        "@",
        "zoe.",
        "nobody.atall",
        "example.org",
        "liste.csv",
        "geheimnis",
        "Hausaufgaben",
        "agreed with",
    ]
    found = {
        f"{name}: {line}" for name, text in logs.items() for line in text.splitlines()
        if any(word in line.lower() for word in map(str.lower, telling))
    }  # fmt: skip
    assert sorted(found) == []


def test_logs_and_the_record_of_use_are_closed(demo: RunningDemo) -> None:
    """Issue 2, item 11: the plain record exists in a demo only, mode 0600; so do the logs and the passwords."""
    record = demo.state / "lib" / "audit" / "use.jsonl"
    kinds = {json.loads(line)["kind"] for line in record.read_text().splitlines()}
    assert kinds >= {"sign-in", "mail-accepted", "locked", "import-applied"}
    for path in (record, demo.state / "accounts.json", *(demo.state / "lib" / "log").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_what_is_kept_of_refusals_names_nobody(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 11: a code leads to rule and reason for 24 hours, never to a person or an address."""
    with clients.smtp(fred) as client:
        client.mail(fred.address)
        code = refusal_code(client.rcpt("somebody@example.org")[1].decode()).encode()
    folder = demo.state / "lib" / "audit"
    kept = eventually(lambda: _joined(folder.glob("refusals.db*"), code), what="the refusal is kept")
    telling = [*demo.accounts, "example.org", "nobody.atall", "127.0.0.1"]
    assert [word for word in telling if word.encode() in kept] == []


def _joined(paths: Iterable[Path], sought: bytes) -> bytes:
    """The content of all ``paths`` when ``sought`` is in it, otherwise nothing."""
    content = b"".join(path.read_bytes() for path in paths)
    return content if sought in content else b""


def test_sigterm_ends_it_and_leaves_nothing(demo: RunningDemo) -> None:
    """Issue 2, "Done when": exit code 0, no process, no ready file, nothing outside the state folder."""
    assert len(demo.processes()) > 10
    assert demo.end() == 0
    eventually(lambda: demo.processes() == [], what="no process is left")
    assert not demo.ready_file.exists()
    assert os.listdir(demo.folder / "temporary") == []
    assert os.listdir(demo.folder / "home") == []
    eventually(lambda: _nothing_is_left_outside(demo))  # what other tests have there goes, too
    assert "Traceback" not in demo.said


def _nothing_is_left_outside(demo: RunningDemo) -> bool:
    left = {place: names - demo.outside_before[place] for place, names in paths_outside().items()}
    assert not any(left.values()), left
    return True


def test_the_second_start_is_the_same_school(demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 13: the same people, the same passwords, nobody imported again; what was done by hand stays so."""
    before, untouched = demo.contract, [one for one in demo.accounts.values() if one.login not in demo.taken]
    demo.start()
    assert before.keys() == demo.contract.keys()
    assert {one.login for one in untouched} <= demo.accounts.keys()
    assert [one for one in untouched if demo.accounts[one.login] != one] == []
    assert {clients.smtp_answer(one)[0] for one in untouched} == {235}
    assert "FAILED" not in demo.said
