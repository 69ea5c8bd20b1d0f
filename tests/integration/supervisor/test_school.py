"""What a carer does with a school that really runs: directory, auth, audit, privileged, supervisor, launcher."""

import os
import re
import select
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from appliance.auth.client import Answer
from appliance.auth.envelope import Keys, seal
from appliance.directory.client import connect
from appliance.policy.account import Role
from appliance.supervisor.client import ServerRefused, ServerUnreachable
from tests.integration.support_school import ROSTER

NEW = "Neues-Kennwort-7!"


def refused(call, *arguments, **named):
    with pytest.raises(ServerRefused) as caught:
        call(*arguments, **named)
    return caught.value


def ready_to_use(school, login):
    """Change the one-time password of ``login``, once; the new one."""
    if school.passwords[login] != NEW:
        assert school.change_password(login, school.passwords[login], NEW)["answer"] == "changed"
        school.passwords[login] = NEW
    return NEW


def test_an_import_makes_accounts_homes_groups_and_one_time_passwords(school):
    assert school.imported["applied"]
    assert school.imported["warnings"] == []
    assert set(school.passwords) == {"fred.mustermann", "juergen.gross", "anna.lehmann"}
    shown = school.call("users.show", login="Fred.Mustermann@schule.example")
    assert (shown["role"], shown["groups"], shown["source_id"]) == ("pupil", ["klasse3a"], "1")
    assert shown["state"] == "must change password"
    assert [line.split(" (")[0] for line in shown["consents"]] == ["account", "logs"]
    assert "(text 2026-08," in shown["consents"][0]
    home = school.folder / "data" / "homes" / "fred.mustermann"
    assert home.stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        assert home.stat().st_uid == shown["uid"]


def test_nothing_of_an_import_is_in_the_clear_in_state_or_logs(school):
    kept = (school.folder / "state" / "supervisor").rglob("*")
    texts = [path.read_bytes() for path in kept if path.is_file()]
    texts += [path.read_bytes() for path in (school.folder / "state" / "log").iterdir()]
    for password in school.passwords.values():
        assert not any(password.encode() in text for text in texts)
    log = (school.folder / "state" / "log" / "supervisor.log").read_text()
    assert "mustermann" not in log.lower()


def test_the_same_import_again_changes_nothing(school):
    result, passwords = school.take_in()
    assert not any(result["plan"][part] for part in ("new", "changed", "moved", "gone", "returned"))
    assert passwords == {}


def test_a_dry_run_only_plans(school):
    more = ROSTER + "4;Clara;Neu;3a;pupil;03.04.2017\n"
    result, _ = school.take_in(more, dry_run=True)
    assert [new["login"] for new in result["plan"]["new"]] == ["clara.neu"]
    assert not result["applied"]
    assert refused(school.call, "users.show", login="clara.neu").kind == "unknown-account"


@pytest.mark.parametrize(
    ("roster", "more", "kind", "words"),
    [
        (ROSTER + "1;Hans;Zwei;3a;pupil;\n", {}, "roster", "roster.csv, line 5, Import-ID"),
        ("Vorname;Klasse\nFred;3a\n", {}, "roster", "roster.csv"),
        ("Import-ID;Vorname;Nachname\n1;Fred;Mustermann\n", {}, "roster", "allow-gone"),
        (ROSTER, {"profile": "danis"}, "wrong-arguments", "'profile' is 'danis'; in accounts.yaml: generic"),
        (ROSTER, {"consent_version": ""}, "wrong-arguments", "'consent_version' is missing"),
        (ROSTER, {"recipient": None}, "wrong-arguments", "'recipient' is missing"),
        (ROSTER, {"content": "%%%"}, "wrong-arguments", "'content' is not base64"),
        (ROSTER, {"consents": ["pizza"]}, "wrong-arguments", "'consents' must be one of account"),
    ],
)
def test_a_roster_that_cannot_be_used_is_refused_whole(school, roster, more, kind, words):
    before = school.call("users.list")
    refusal = refused(school.take_in, roster, **more)
    assert refusal.kind == kind
    assert words in refusal.text
    assert school.call("users.list") == before


def test_until_the_password_is_changed_nothing_opens_and_the_change_is_relayed(school):
    first = school.passwords["juergen.gross"]
    assert school.sign_in("juergen.gross", first).answer is Answer.MUST_CHANGE
    assert school.change_password("juergen.gross", first, "kurz")["answer"] == "weak"
    ready_to_use(school, "juergen.gross")
    assert school.sign_in("juergen.gross", NEW).answer is Answer.VERIFIED
    assert school.call("users.show", login="juergen.gross")["state"] == "active"


def test_a_broken_envelope_is_refused(school):
    for envelope in ("", "%%", seal({"login": "x", "old": "y", "new": "z"}, Keys.generate().public)):
        assert refused(school.call, "passwd", envelope=envelope).kind == "broken-envelope"


def test_a_reset_password_is_sealed_for_who_asked_and_must_be_changed(school):
    ready_to_use(school, "juergen.gross")
    keys = Keys.generate()
    result = school.call("users.reset-password", login="juergen.gross", recipient=keys.public)
    (given,) = keys.open(result["sealed"])
    assert school.sign_in("juergen.gross", NEW).answer is Answer.REFUSED
    assert school.sign_in("juergen.gross", given["password"]).answer is Answer.MUST_CHANGE
    assert school.call("users.show", login="juergen.gross")["state"] == "must change password"
    school.passwords["juergen.gross"] = given["password"]
    assert refused(school.call, "users.reset-password", login="juergen.gross", recipient="x").kind == "bad-argument"


def test_who_never_got_a_password_gets_one_and_nobody_else(school):
    """So it is with everybody after a move into another directory (an account without any password)."""
    assert school.call("users.first-passwords")["people"] == []
    directory = connect(school.settings, "supervisor")
    directory.create_account(login="neu.zugang", uid=29999, given_name="Neu", surname="Zugang", role=Role.PUPIL)
    try:
        keys = Keys.generate()
        assert refused(school.call, "users.first-passwords", group="klasse9z").kind == "unknown-group"
        assert school.call("users.first-passwords", group="klasse3a", recipient=keys.public)["sealed"] == ""
        found = school.call("users.first-passwords", recipient=keys.public)
        assert found["people"] == [{"login": "neu.zugang", "name": "Neu Zugang", "groups": []}]
        (given,) = keys.open(found["sealed"])
        assert school.call("users.show", login="neu.zugang")["state"] == "must change password"
        assert given["login"] == "neu.zugang"
        assert school.call("users.first-passwords")["people"] == []
    finally:
        directory.remove_account("neu.zugang")
        directory.close()


def test_a_lock_is_published_and_decided_within_two_seconds(school):
    password = ready_to_use(school, "fred.mustermann")
    assert school.sign_in("fred.mustermann", password).answer is Answer.VERIFIED
    begun = time.monotonic()
    result = school.call("users.lock", login="fred.mustermann", reason="phone in class", service="mail")
    waited = school.when_published("mail", lambda found: found.accounts["fred.mustermann"].locks, within=2.0)
    school.when(lambda: school.sign_in("fred.mustermann", password).answer is Answer.DENIED, within=2.0)
    decided = time.monotonic() - begun
    print(f"\na lock is in the published file after {waited:.3f} s, decided upon by auth after {decided:.3f} s")
    assert decided < 2.0
    assert result == {"login": "fred.mustermann", "service": "mail", "until": None, "published": True}
    shown = school.call("users.show", login="fred.mustermann")
    assert shown["state"] == "locked: mail"
    assert "phone in class" in shown["locks"][0]
    assert any(line.startswith("mail: closed (locked") for line in shown["open"])
    snapshots = school.folder / "runtime" / "snapshots"
    assert not any(b"phone" in path.read_bytes() for path in snapshots.iterdir())
    assert refused(school.call, "users.unlock", login="fred.mustermann").kind == "not-locked"
    school.call("users.unlock", login="fred.mustermann", service="mail")
    school.when(lambda: school.sign_in("fred.mustermann", password).answer is Answer.VERIFIED, within=2.0)


def test_a_lock_at_pcs_says_where_there_are_none(school):
    login = "anna.lehmann"
    assert "nobody logs on at PCs" in school.call("users.lock", login=login, reason="x", service="pc")["note"]
    assert school.call("explain", login=login, service="pc")["reason"] == "locked"
    assert school.call("explain", login=login, service="pc")["limits"] is None
    school.call("users.unlock", login=login, service="pc")
    assert "note" not in school.call("users.lock", login=login, reason="x")
    school.call("users.unlock", login=login)


def test_a_lock_ends_by_itself(school):
    until = datetime.now(UTC) + timedelta(seconds=1.5)
    school.call("users.lock", login="anna.lehmann", reason="test", until=until.isoformat())
    assert school.call("users.list", role="teacher")["users"][0]["state"] == "locked"
    school.when_published("auth", lambda found: not found.accounts["anna.lehmann"].locks, within=4.0)
    assert datetime.now(UTC) >= until
    assert school.call("users.list", role="teacher")["users"][0]["state"] != "locked"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"until": "2020-01-01"}, "has passed"), ({"until": "soon"}, "'until'"), ({"reason": " "}, "'reason' is empty")],
)
def test_a_lock_that_makes_no_sense_is_refused(school, arguments, words):
    refusal = refused(school.call, "users.lock", **{"login": "anna.lehmann", "reason": "x", **arguments})
    assert refusal.kind == "wrong-arguments"
    assert words in refusal.text
    assert school.call("users.show", login="anna.lehmann")["locks"] == []


def test_consent_opens_and_its_withdrawal_closes(school):
    login = "anna.lehmann"
    school.call("users.consent", login=login, consent="logs", give=False)
    answer = school.call("explain", login=login, service="mail")
    password = "must-change" if "must" in school.call("users.show", login=login)["state"] else "consent-missing"
    assert answer["reason"] == password
    assert refused(school.call, "users.consent", login=login, consent="logs", give=False).kind == "no-consent"
    assert refused(school.call, "users.consent", login=login, consent="logs", give=True).kind == "wrong-arguments"
    school.call("users.consent", login=login, consent="logs", give=True, version="2026-09")
    assert any("text 2026-09" in line for line in school.call("users.show", login=login)["consents"])


def test_explain_names_the_deciding_rule(school):
    ready_to_use(school, "fred.mustermann")
    answer = school.call("explain", login="fred.mustermann", service="web", target="https://example.org/")
    assert answer["answer"] in {"allow", "deny"}
    assert answer["rule"]["source"]
    assert answer["steps"]
    at = school.call("explain", login="fred.mustermann", service="mail", at="2026-11-23 09:30")
    assert at["at"] == "2026-11-23T09:30:00+01:00"
    assert at["limits"]["upload"] > 0
    files = school.call("explain", login="fred.mustermann", service="files")
    assert files["limits"]["download_unlimited_over"] is None  # SMB is spoken by a domain's server only
    assert school.call("explain", login="nobody.here", service="mail")["reason"] == "unknown-account"
    assert "'room'" in refused(school.call, "explain", login="x", service="mail", room="99").text
    assert "'at'" in refused(school.call, "explain", login="x", service="mail", at="noon").text
    assert "'address'" in refused(school.call, "explain", login="x", service="mail", address="here").text


def test_what_was_done_and_by_whom_is_recorded(school):
    import pwd

    me = pwd.getpwuid(os.getuid()).pw_name
    school.call("users.lock", login="juergen.gross", reason="recorded", service="web")
    school.call("users.unlock", login="juergen.gross", service="web")
    school.when(lambda: any(event["kind"] == "unlocked" for event in school.events()))
    events = school.events()
    locked = next(event for event in events if event["kind"] == "locked" and event["reason"] == "recorded")
    assert (locked["login"], locked["service"], locked["by"]) == ("juergen.gross", "web", me)
    kinds = {event["kind"] for event in events}
    assert {"import-applied", "account-created", "consent-given"} <= kinds


def test_why_resolves_a_code_and_says_when_it_cannot(school):
    password = ready_to_use(school, "fred.mustermann")
    school.call("users.lock", login="fred.mustermann", reason="x", service="mail")
    verdict = school.when(lambda: (found := school.sign_in("fred.mustermann", password)).code and found, within=4.0)
    why = school.when(lambda: known(school, verdict.code))
    assert (why["service"], why["reason"]) == ("mail", "locked")
    assert "fred" not in str(why)
    school.call("users.unlock", login="fred.mustermann", service="mail")
    assert refused(school.call, "why", code="7KQF-2MXA").kind == "unknown-code"
    assert refused(school.call, "why", code="?").kind == "wrong-arguments"


def known(school, code):
    try:
        return school.call("why", code=code.lower())
    except ServerRefused:
        return None


def test_wrong_settings_are_refused_with_every_problem_and_the_running_ones_stay(school):
    original = (school.folder / "etc" / "school.yaml").read_text()
    before = school.published("supervisor").version
    try:
        school.write("school", "domain: schule.example\nnmae: X\nzone: Mars/Phobos\n")
        refusal = refused(school.call, "settings.reload")
        assert refusal.kind == "settings"
        assert "school.yaml" in refusal.text
        assert "nmae" in refusal.text
        assert "Mars/Phobos" in refusal.text
        assert school.published("supervisor").version == before
    finally:
        school.write("school", original)


def test_new_rules_are_published_by_reload_and_by_sighup(school):
    def open_to_fred():
        return school.call("explain", login="fred.mustermann", service="mail")["answer"] == "allow"

    ready_to_use(school, "fred.mustermann")
    assert open_to_fred()
    try:
        school.write("access", "modules: {mail: [teacher]}\n")
        result = school.call("settings.reload")
        assert result["warnings"] == []  # each part has told that it goes by them, the supervisor among them
        assert not open_to_fred()
        school.write("access", "modules: {mail: all}\n")
        os.kill(school.pid("supervisor"), signal.SIGHUP)
        school.when(open_to_fred)
    finally:
        (school.folder / "etc" / "access.yaml").unlink(missing_ok=True)
        school.call("settings.reload")


def test_what_a_reload_cannot_change_is_told_and_stays(school):
    path = school.folder / "etc" / "network.yaml"
    original = path.read_text()
    try:
        path.write_text(re.sub(r"ftp: \S+", "ftp: 127.0.0.1:1", original))
        told = school.call("settings.reload")["warnings"]
        assert told == ["network.yaml: listen.ftp stays as it was until: start the server anew"]
    finally:
        path.write_text(original)
        assert school.call("settings.reload")["warnings"] == []


def test_killed_it_is_back_no_caller_is_refused_and_versions_go_on(school):
    before = school.published("auth").version
    for victim in (school.worker, school.pid):
        worker = school.worker("supervisor")
        descriptor = os.pidfd_open(worker)
        os.kill(victim("supervisor"), signal.SIGKILL)
        assert select.select([descriptor], [], [], 20.0)[0]
        os.close(descriptor)
        assert school.call("users.list")["users"]
    school.call("users.lock", login="anna.lehmann", reason="x", service="files")
    after = school.published("auth").version
    assert after > before
    school.call("users.unlock", login="anna.lehmann", service="files")


def test_with_the_directory_down_it_goes_on_with_what_it_knows_and_says_so(school):
    school.until(lambda units: units["supervisor"].healthy)
    os.kill(school.pid("directory"), signal.SIGSTOP)
    pid = school.pid("directory")
    try:
        school.when(lambda: "directory" in school.call("status")["summary"])
        assert len(school.call("users.list")["users"]) == 3
        begun = time.monotonic()
        school.call("users.lock", login="anna.lehmann", reason="x", service="web")
        school.when_published("auth", lambda found: found.accounts["anna.lehmann"].locks, within=2.0)
        assert time.monotonic() - begun < 2.0
        school.call("users.unlock", login="anna.lehmann", service="web")
        status = school.call("status")
        assert not status["healthy"]
        assert any(check["name"] == "directory" and not check["ok"] for check in status["checks"])
        refusal = refused(school.take_in)
        assert refusal.kind == "try-later"
    finally:
        os.kill(pid, signal.SIGCONT)
    school.when(lambda: "directory" not in school.call("status")["summary"])


def test_a_home_that_could_not_be_made_is_made_at_the_next_import(school):
    more = ROSTER + "9;Emil;Spaet;3a;pupil;03.04.2017\n"
    home = school.folder / "data" / "homes" / "emil.spaet"
    home.write_text("in the way")
    result, passwords = school.take_in(more)
    assert list(passwords) == ["emil.spaet"]
    assert "the home of emil.spaet could not be made" in result["warnings"][0]
    school.when(lambda: "folders" in school.call("status")["summary"])
    home.unlink()
    result, _ = school.take_in(more)
    assert result["warnings"] == []
    assert home.is_dir()
    school.when(lambda: "folders" not in school.call("status")["summary"])


def test_status_has_units_probes_checks_and_figures(school):
    seen = []

    def well():
        seen[:] = [school.call("status")]
        return seen[0]["healthy"] and seen[0]

    try:
        status = school.when(well)
    except AssertionError:
        print(seen)
        raise
    assert {unit["name"] for unit in status["units"]} == {"audit", "privileged", "directory", "auth", "supervisor"}
    supervisor = next(unit for unit in status["units"] if unit["name"] == "supervisor")
    assert supervisor["memory"] > 10 * 2**20
    assert supervisor["descriptors"] > 5
    assert {probe["name"] for probe in status["probes"]} == {"backup"}  # there are no units here for the others


def test_without_a_supervisor_the_client_says_so(make_school):
    alone = make_school("audit")
    alone.start()
    with pytest.raises(ServerUnreachable):
        alone.call("status")


def test_a_cut_state_is_said_and_never_replaced(make_school):
    alone = make_school("audit", "supervisor")
    alone.start()
    assert not alone.call("status")["healthy"]  # there is no directory
    alone.stop()
    path = alone.folder / "state" / "supervisor" / "state.db"
    for side in path.parent.glob("state.db-*"):
        side.unlink()
    cut = path.read_bytes()[:9000]
    path.write_bytes(cut)
    alone.start(wait=False)
    log = alone.folder / "state" / "log" / "supervisor.log"
    alone.when(lambda: "is damaged" in log.read_text())
    assert "restore it from the backup" in log.read_text()
    assert path.read_bytes() == cut
