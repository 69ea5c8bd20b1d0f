"""``schoolserver-backup-server`` on a store: what it lists, and the word of whoever looks after the machine."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from appliance.backup_server import enroll, forget, rounds, store
from appliance.backup_server.command import main
from appliance.backup_server.pairing import SchoolValues
from appliance.backup_server.settings import load

KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}"
OTHER = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'B' * 43}"
ASKED = json.dumps({"login": "fred.mustermann", "uid": 20001}).encode()


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "server.conf"
    path.write_text(f"[store]\nfolder = {tmp_path}/copies\n")
    places = enroll.Places(load(path), tmp_path / "homes", accounts=False)
    enroll.enroll(places, "goethe", SchoolValues(KEY, OTHER))
    return path


def asked(conf, ago=timedelta(0)):
    folder = store.place(load(conf), "goethe").folder
    return forget.asked(folder, ASKED, datetime.now(UTC) - ago)["id"]


def test_it_lists_schools_and_who_waits_to_be_forgotten(conf, capsys):
    asked(conf)
    assert main(["--settings", str(conf), "list"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("goethe: 0 copies")
    assert "1 requests" in said
    assert "fred" not in said


def test_requests_are_listed_refused_and_confirmed_by_their_id(conf, capsys):
    settings = ("--settings", str(conf), "forget")
    one = asked(conf)
    assert main([*settings, "list", "goethe"]) == 0
    assert f"{one}  fred.mustermann (20001)" in capsys.readouterr().out
    assert main([*settings, "refuse", "goethe", one]) == 0
    assert main([*settings, "refuse", "goethe", one]) == 1
    assert "no request of that id" in capsys.readouterr().err
    assert main([*settings, "confirm", "goethe", asked(conf)]) == 0
    assert "0 folders were removed" in capsys.readouterr().out
    assert main([*settings, "list", "goethe"]) == 0
    assert capsys.readouterr().out == ""


def test_several_requests_are_confirmed_at_once_or_none(conf, capsys):
    settings, one = ("--settings", str(conf), "forget"), asked(conf, timedelta(days=20))
    assert main([*settings, "list", "goethe"]) == 0
    assert "waits for confirm" in capsys.readouterr().out
    assert main([*settings, "confirm", "goethe", one, "0123456789ab"]) == 1
    main([*settings, "list", "goethe"])
    assert "confirmed" not in capsys.readouterr().out
    assert main([*settings, "confirm", "goethe", one, one]) == 0


def test_what_is_ripe_is_done_by_the_hourly_round(conf, capsys):
    asked(conf, timedelta(days=13))
    assert rounds.forget_ripe(load(conf)) == 0
    main(["--settings", str(conf), "forget", "list", "goethe"])
    assert "will be done on" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["pair", "Goethe"], ["pair", "g" * 20], ["pair", "a", "--port", "0"], ["forget"], []]
)
def test_wrong_words_are_said(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_school_that_is_not_here_and_settings_that_are_wrong_are_said(conf, capsys):
    assert main(["--settings", str(conf), "forget", "list", "schiller"]) == 1
    assert "no such school" in capsys.readouterr().err
    conf.write_text("[keep]\ndayz = 3\n")
    assert main(["--settings", str(conf), "list"]) == 2
    assert "did you mean" in capsys.readouterr().err
