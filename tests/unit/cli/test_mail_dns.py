"""Lines for somebody else's DNS server."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.cli.main import main

LINE = re.compile(r"(\S+\.) 3600 IN (?:A [0-9.]+|AAAA [0-9a-f:]+|SRV [0-9]+ [0-9]+ [0-9]+ (?:\S+\.|\.))")


def shown(folder: Path, *more: str) -> list[str]:
    result = CliRunner().invoke(main, ["mail", "dns", "--settings", str(folder), *more])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_each_line_is_a_record_of_the_school(tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    lines = shown(tmp_path, "--address", "10.1.0.2", "--address", "fd12:0::2")
    found = {line: LINE.fullmatch(line) for line in lines}
    assert all(found.values()), found
    assert {one[1] for one in found.values() if one} == {
        *(f"{name}.schule.example." for name in ("mail", "autoconfig", "autodiscover")),
        *(f"_{one}._tcp.schule.example." for one in ("imap", "imaps", "pop3", "pop3s", "autodiscover")),
        *(f"_{one}._tcp.schule.example." for one in ("submission", "submissions")),
    }
    assert "_imaps._tcp.schule.example. 3600 IN SRV 0 1 993 mail.schule.example." in lines
    assert "autoconfig.schule.example. 3600 IN AAAA fd12::2" in lines
    assert "_pop3._tcp.schule.example. 3600 IN SRV 0 0 0 ." in lines


def test_the_names_are_those_of_the_mail_even_where_the_domain_of_the_pcs_lies_below(tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    (tmp_path / "domain.yaml").write_text("name: ad.schule.example\nhost: server\n")
    (tmp_path / "directory.yaml").write_text("kind: domain\n")
    assert not [line for line in shown(tmp_path, "--address", "10.1.0.2") if ".ad.schule" in line]


@pytest.mark.parametrize("argument", ["10.1.0", "mail.schule.example", ""])
def test_what_is_no_address_is_wrong_use(tmp_path: Path, argument: str) -> None:
    result = CliRunner().invoke(main, ["mail", "dns", "--settings", str(tmp_path), "--address", argument])
    assert result.exit_code == 2 and "--address" in result.output


def test_wrong_settings_are_told(tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text("domain: 7\n")
    result = CliRunner().invoke(main, ["mail", "dns", "--settings", str(tmp_path)])
    assert result.exit_code == 1 and "school.yaml:1" in result.output
