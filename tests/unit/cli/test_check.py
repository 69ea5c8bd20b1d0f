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
