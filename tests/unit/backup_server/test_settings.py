"""The backup server's own settings."""

from pathlib import Path

import pytest

from appliance.backup_server.settings import Settings, SettingsError, load


def test_without_a_file_the_defaults_are_true(tmp_path):
    assert load(tmp_path / "none") == Settings()


def test_what_is_said_is_read(tmp_path):
    path = tmp_path / "conf"
    path.write_text("[store]\nfolder = /data/copies\n[keep]\ndays = 14\n[alarm]\nmail_to = it@schule.example\n")
    assert load(path) == Settings(folder=Path("/data/copies"), days=14, mail_to="it@schule.example")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keep]\nday = 3\n", r"\[keep\] day: there is no such option; did you mean \[keep\] days\?"),
        ("[keep]\ndays = 0\n", r"\[keep\] days: '0' is not a whole number from 1 to 365"),
        ("[keep]\ndays = ٣\n", "is not a whole number"),
        ("[store]\nfolder = copies\n", r"\[store\] folder: 'copies' is not a path from the root on"),
        ("[alarm]\nmail_to = -oQ/tmp root\n", "is not one mail address"),
        ("[keep]\ndays = 3\ndays = 4\n", "already exists"),
        ("days = 3\n", "no section"),
        ("[keep\n", "conf"),
    ],
)
def test_an_error_names_file_section_and_key(tmp_path, text, said):
    path = tmp_path / "conf"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said) as error:
        load(path)
    assert str(path) in str(error.value)
