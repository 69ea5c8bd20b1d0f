"""A support bundle: what is taken out of texts and settings, and the file itself."""

import stat
import tarfile
import tempfile

import pytest
import yaml
from click.testing import CliRunner

from appliance.cli import report as module
from appliance.cli.report_filter import Filter
from appliance.cli.report_settings import REMOVED, shared_settings
from appliance.settings.files import default_files

PEOPLE = Filter(
    ["fred.mustermann", "anna-lena.mueller", "max2", "jo_k"],
    ["Fred Mustermann", "Anna-Lena Müller-Lüdenscheidt", "Søren O'Brien", "Max von der Heide"],
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("box fred.mustermann full", "box (person).(person) full"),
        ("FRED.Mustermann@schule.example: x", "(address): x"),
        ("/srv/mail/anna-lena.mueller/new", "/srv/mail/(person)-(person).(person)/new"),
        ("Frau Müller-Lüdenscheidt", "Frau (person)-(person)"),
        ("Frau MUELLER-Luedenscheidt, Soren OBrien", "Frau (person)-(person), (person) OBrien"),
        ("Soeren? Søren!", "Soeren? (person)!"),
        ("max2 and 2", "(person) and 2"),
        ("from 10.1.12.17:443 to 127.0.0.1:587", "from (ip):443 to 127.0.0.1:587"),
        ("from [2001:db8::17]:443 and fe80::1.", "from [(ip)]:443 and (ip)"),
        ("at 12:34:56, 2026-11-21T06:10:00+00:00 on ::1", "at 12:34:56, 2026-11-21T06:10:00+00:00 on ::1"),
        ("the frederick of von mail 3.11.2", "the frederick of von mail 3.11.2"),
    ],
)
def test_persons_go_and_the_rest_stays(text, left):
    assert PEOPLE.clean(text) == left


SECRET = {
    "school": {"name": "Anna-Schule", "domain": "anna.example", "zone": "Europe/Berlin"},
    "server": {"state": "/srv/anna", "watchdog": "30 s", "identity": "users"},
    "network": {"rooms": {"annas": ["10.1.12.17/32"], 12: ["10.1.0.0/16"]}, "listen": {"imap": "10.1.0.1:143"}},
    "alerts": {"to": ["anna@town.example"], "smarthost": "anna.example:587", "login": "anna", "after": "5 min"},
    "access": {
        "rules": [{"deny": ["mail"], "users": ["anna", 4711], "groups": ["annas"], "times": "08:00"}],
        "limits": {"users": {"anna": {"upload": "1 MB"}, 4712: {"upload": "2 MB"}}},
    },
    "backup": {"target": "anna@anna.example", "at": "22:15"},
    "mail": "anna: [broken",
}


def test_of_settings_only_our_own_words_and_figures_stay(tmp_path):
    for name, content in SECRET.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (tmp_path / f"{name}.yaml").write_text(f"# Anna wants it so\n{text}")
    shared = shared_settings(tmp_path)
    everything = "".join(shared.values())
    for word in ("anna", "Anna", "4711", "4712", "10.1", "town", "/srv"):
        assert word not in everything
    read = {name: yaml.safe_load(text) for name, text in shared.items()}
    assert read["server.yaml"] == {"state": REMOVED, "watchdog": "30 s", "identity": "users"}
    assert read["alerts.yaml"]["after"] == "5 min"
    assert read["access.yaml"]["rules"][0]["deny"] == ["mail"]
    assert read["access.yaml"]["limits"]["users"][f"{REMOVED} 1"] == {"upload": "1 MB"}
    assert "cannot be read" in shared["mail.yaml"]


def test_of_the_defaults_nearly_all_stays(tmp_path):
    for name, text in default_files().items():
        (tmp_path / name).write_text(text)
    shared = shared_settings(tmp_path)
    assert set(shared) == set(default_files())
    assert yaml.safe_load(shared["mail.yaml"]) == yaml.safe_load(default_files()["mail.yaml"])


@pytest.fixture
def short_path():
    with tempfile.TemporaryDirectory(prefix="ss-") as path:
        yield path


@pytest.fixture
def made(tmp_path, monkeypatch, short_path):
    """Make a report of a server that does not run; the file's members by name."""
    monkeypatch.setenv("SCHOOLSERVER_CONTROL", str(tmp_path / "nobody.sock"))
    etc = tmp_path / "etc"
    etc.mkdir()
    # Of sockets settings take a short path only, which pytest's may not be.
    places = {"state": str(tmp_path / "state"), "data": str(tmp_path / "data"), "runtime": short_path}
    (etc / "server.yaml").write_text(yaml.safe_dump(places))
    log = tmp_path / "state" / "log"
    log.mkdir(parents=True)
    (log / "mail.log").write_text("info mail: fred.mustermann\n")

    def make(*more):
        out = tmp_path / "report.tar.gz"
        done = CliRunner().invoke(module.report, ["--out", str(out), "--settings", str(etc), *more])
        assert done.exit_code == 0, done.output
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        with tarfile.open(out) as archive:
            return {
                entry.name.removeprefix("schoolserver-report/"): archive.extractfile(entry).read().decode()
                for entry in archive.getmembers()
            }

    return make


def test_nobody_who_says_whose_names_to_take_out_means_no_texts(made):
    parts = made()
    assert not [name for name in parts if name.startswith("journal/")]
    assert parts["status.json"] == '"the server does not answer"'
    assert "there are no texts" in parts["README.txt"]
    assert "kernel: Linux" in parts["system.txt"]


def test_homes_say_whose_names_to_take_out_while_the_server_is_down(made, tmp_path):
    (tmp_path / "data" / "homes" / "fred.mustermann").mkdir(parents=True)
    assert made()["journal/mail.txt"] == "info mail: (person).(person)\n"


def test_a_file_that_is_there_is_left_alone(made, tmp_path):
    made()
    before = (tmp_path / "report.tar.gz").read_bytes()
    done = CliRunner().invoke(module.report, ["--out", str(tmp_path / "report.tar.gz"), "--settings", str(tmp_path)])
    assert done.exit_code == 1
    assert "cannot be written: File exists" in done.output
    assert (tmp_path / "report.tar.gz").read_bytes() == before


def test_texts_of_a_status_nobody_can_filter_are_left_out():
    bare = module._bare({"units": [{"name": "mail", "status": "fred", "pid": 3}], "summary": "fred"})
    assert bare == {"units": [{"name": "mail", "pid": 3}]}
