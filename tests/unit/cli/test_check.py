"""``schoolserver check``: all problems at once, exit code 2, nothing changed."""

from pathlib import Path


def test_right_settings(schoolserver, tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text("name: Musterschule\ndomain: schule.example\n")
    ran = schoolserver("check", "--settings", str(tmp_path))
    assert ran.exit_code == 0
    assert str(tmp_path) in ran.output


def test_every_problem_is_named_with_file_and_line(schoolserver, tmp_path: Path) -> None:
    """Issue 2, item 2."""
    (tmp_path / "school.yaml").write_text("name: Musterschule\ndomian: schule.example\n")
    (tmp_path / "directory.yaml").write_text("poll: quickly\n")
    ran = schoolserver("check", "--settings", str(tmp_path))
    assert ran.exit_code == 2
    for part in ("school.yaml:2", "domian", "domain", "directory.yaml:1", "quickly", "nothing was changed"):
        assert part in ran.output


def test_a_file_that_is_named_and_not_there_is_said_and_keeps_nothing_from_starting(
    schoolserver, tmp_path: Path
) -> None:
    there = tmp_path / "ca.pem"
    there.touch()
    (tmp_path / "mail.yaml").write_text(
        f"outside:\n  ca: {there}\n  login: schule\n  password_file: {tmp_path}/nix\n", encoding="utf-8"
    )
    (tmp_path / "alerts.yaml").write_text(f"ca: {tmp_path}/nix/ca.pem\n")
    ran = schoolserver("check", "--settings", str(tmp_path))
    assert ran.exit_code == 0
    assert f"note: mail.yaml:4 outside.password_file: there is no file {tmp_path}/nix\n" in ran.output
    assert f"note: alerts.yaml:1 ca: there is no file {tmp_path}/nix/ca.pem\n" in ran.output
    assert ran.output.count("note: ") == 2
