"""smb.conf beside the golden one; that Samba takes it is for the integration tests."""

from dataclasses import replace
from pathlib import Path

from appliance.directory.domain.place import Domain
from appliance.directory.domain.render import render_config

GOLDEN = Path(__file__).parent / "golden"
DOMAIN = Domain(
    folder=Path("/var/lib/schoolserver/domain"),
    runtime=Path("/run/schoolserver/domain"),
    name="schule.example",
    workgroup="SCHULE",
    host="server",
    school=("Musterschule",),
    interfaces=(),
    forwarders=(),
    passwords={},
    settings=Path("/etc/schoolserver"),
)
PROGRAM = Path("/usr/lib/python3/dist-packages")


def rendered(domain: Domain = DOMAIN, forwarders: tuple[str, ...] = ("10.1.0.1", "9.9.9.9")) -> str:
    return render_config(domain, domain.folder, PROGRAM, forwarders)


def options(text: str) -> dict[str, str]:
    lines = (line.partition(" = ") for line in text.splitlines() if " = " in line)
    return {name.strip(): value for name, _, value in lines}


def test_configuration():
    assert rendered() == GOLDEN.joinpath("smb.conf").read_text()


def test_everything_that_samba_writes_lies_in_our_folders():
    found = options(rendered())
    folders = [value for name, value in found.items() if name.endswith((" dir", " directory", "path", "log file"))]
    assert len(folders) >= 10
    for folder in folders:
        assert folder.startswith((str(DOMAIN.folder), str(DOMAIN.runtime))), folder


def test_it_serves_where_the_settings_say_and_itself():
    found = options(rendered(replace(DOMAIN, interfaces=("eth1", "10.1.0.2"))))
    assert found["interfaces"] == "lo eth1 10.1.0.2"
    assert found["bind interfaces only"] == "yes"
    assert "interfaces" not in options(rendered())


def test_a_path_with_a_blank_stays_one_word_for_the_shell():
    domain = replace(DOMAIN, folder=Path("/srv/a school"), settings=Path("/srv/my settings"))
    found = options(rendered(domain))
    assert found["check password script"].endswith(" '/srv/a school/school.names'")
    assert found["dns update command"].endswith(" '/srv/my settings'")
