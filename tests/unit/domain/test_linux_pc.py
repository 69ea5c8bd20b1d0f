"""The file that makes a Debian PC a PC of the school."""

import re
import subprocess

import pytest

from appliance.directory.domain.linux_pc import NAME, RULES, TEMPLATE, render_script

_CA = "-----BEGIN CERTIFICATE-----\nMIIB+zCC\n-----END CERTIFICATE-----\n"


def _script(name: str = "pc-12-02", once: str = "Ab-_12", cached: bool = False, language: str = "de") -> str:
    return render_script(
        TEMPLATE.read_text(encoding="utf-8"),
        name=name,
        domain="schule.example",
        server="server.schule.example",
        authority=_CA,
        once=once,
        cached_log_ons=cached,
        rule=RULES[language],
    )


@pytest.mark.parametrize("language", sorted(RULES))
def test_a_shell_reads_it_and_nothing_is_left_to_fill_in(language: str) -> None:
    script = _script(language=language)
    subprocess.run(("/bin/sh", "-n"), input=script, text=True, check=True)
    assert RULES[language] in script
    assert not re.search(r"@[A-Z]+@", script)


def test_what_the_school_says_stands_in_it() -> None:
    lines = _script().splitlines()
    for line in (
        "name=pc-12-02",
        "domain=schule.example",
        "realm=SCHULE.EXAMPLE",
        "cached_log_ons=false",
        *_CA.split(),
    ):
        assert any(line in one for one in lines), line
    assert "cached_log_ons=true" in _script(cached=True)


def test_the_drives_are_in_the_list_of_the_file_manager() -> None:
    written = _script().partition("bookmarks <<DRIVES\n")[2].partition("DRIVES\n")[0]
    assert written.replace("$server", "server.schule.example").split() == [
        *("smb://server.schule.example/Home", "Home"),
        *("smb://server.schule.example/Groups", "Groups"),
    ]


def test_a_word_with_shell_in_it_stays_a_word() -> None:
    script = _script(once="a'; touch /tmp/x; '")
    first = script[: script.index("fail()")]
    said = subprocess.run(("/bin/sh", "-c", f'{first}\nprintf %s "$once"'), capture_output=True, text=True, check=True)
    assert said.stdout == "a'; touch /tmp/x; '"


def test_a_backslash_is_not_taken_for_a_group() -> None:
    """What is filled in is put there as it is."""
    assert r"\1\g<0>" in _script(once=r"\1\g<0>")


@pytest.mark.parametrize("name", ["pc-12-01", "a", "lehrerzimmer", "12-pc"])
def test_a_name_of_a_pc(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "4711", "PC-1", "../pc", "pc*", "-pc", "pc-", "pc.schule", "pc-12-with-a-long-name"]
)
def test_no_name_of_a_pc(name: str) -> None:
    """[MS-ADTS]: 15 characters; a name of digits alone is an address."""
    assert not NAME.fullmatch(name)
