"""The folder of settings as a whole: defaults, values, problems."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.daemon.options import SettingsError
from appliance.settings.check import check
from appliance.settings.files import FILES
from appliance.settings.load import Settings, load


def problems(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [str(problem) for problem in check(folder)]


def test_an_empty_folder_means_defaults(tmp_path):
    loaded = load(tmp_path)
    assert loaded.folder == tmp_path
    assert loaded.server.state == Path("/var/lib/schoolserver")
    assert loaded.school.domain == "schule.example"
    assert loaded.directory.base == "dc=schule,dc=example"
    assert (loaded.directory.id_first, loaded.directory.id_last) == (20000, 59999)
    assert str(loaded.network.listen["submission"]) == "0.0.0.0:587"
    assert loaded.accounts.gone_share == 0.1
    assert check(tmp_path) == ()


def test_values_and_sources(tmp_path):
    (tmp_path / "school.yaml").write_text("# ours\nname: Am Park\ndomain: Park.Example\n")
    (tmp_path / "network.yaml").write_text("listen:\n  imap: 127.0.0.1:2143\nrooms:\n  12: [10.1.12.0/24]\n")
    loaded = load(tmp_path)
    assert loaded.school.name == "Am Park"
    assert loaded.directory.base == "dc=park,dc=example"
    assert loaded.network.listen["imap"].port == 2143
    assert loaded.network.listen["submission"].port == 587
    assert [str(network) for network in loaded.network.rooms["12"]] == ["10.1.12.0/24"]
    assert str(loaded.sources["school.name"]) == "school.yaml:2 name"
    assert str(loaded.sources["network.rooms.12[0]"]) == "network.yaml:4 rooms.12[0]"
    assert str(loaded.sources["mail.workers"]) == "mail.yaml (default) workers"


def test_an_option_of_another_file_is_sent_there(tmp_path):
    (tmp_path / "proxy.yaml").write_text("blocked_categories: {pupil: [adult]}\nalways: []\nname: x\nworkers: 2\n")
    (tmp_path / "web.yaml").write_text("workers: 2\n")
    found = {(one.file, one.key): one.nearest for one in check(tmp_path)}
    assert found == {
        ("proxy.yaml", "blocked_categories"): "web.yaml: blocked_categories",
        ("proxy.yaml", "always"): "web.yaml: always",
        ("proxy.yaml", "name"): found["proxy.yaml", "name"],
        ("web.yaml", "workers"): "",
    }


def test_settings_are_frozen(tmp_path):
    loaded = load(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.server.watchdog = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        loaded.network.listen["imap"] = None  # type: ignore[index]


def test_a_base_of_ones_own_stays(tmp_path):
    (tmp_path / "directory.yaml").write_text("base: ou=schule,dc=town,dc=example\n")
    assert load(tmp_path).directory.base == "ou=schule,dc=town,dc=example"


def test_all_problems_of_all_files_in_order(tmp_path):
    found = problems(
        tmp_path,
        access="limits: {uplod: 1 MB}\n",
        school="domain: schule\nzone: Europe/Berln\n",
        server="watchdog: 5\n",
        mail="a: [\n",
        acess="rules: []\n",
    )
    assert [line.split(": ")[0] for line in found] == [
        "acess.yaml",
        "school.yaml:1",
        "school.yaml:2",
        "server.yaml:1",
        "mail.yaml:2",
        "access.yaml:1",
    ]
    assert found[0].endswith("did you mean access.yaml?")
    assert found[2].endswith("did you mean Europe/Berlin?")
    assert found[5].endswith("did you mean upload?")


def test_a_folder_that_is_not_there(tmp_path):
    (only,) = problems(tmp_path / "nowhere")
    assert "no folder of settings" in only


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "access.yaml.dpkg-old").write_text("[")
    (tmp_path / "tls").mkdir()
    assert check(tmp_path) == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "mail.yaml").touch(mode=0)
    (only,) = problems(tmp_path)
    assert "Permission denied" in only


@pytest.mark.parametrize(
    ("files", "place", "part"),
    [
        (
            {"directory": "id_first: 3000\nid_last: 2000\n"},
            "directory.yaml:2: id_last",
            "id_last 2000 before id_first 3000",
        ),
        ({"directory": "id_first: 60000\n"}, "directory.yaml:1: id_first", "id_last 59999 before id_first 60000"),
        ({"directory": "kind: ldap\nbind_name: a@b.example\n"}, "directory.yaml:1: kind", "without uri"),
        ({"directory": "kind: ldap\nuri: ldaps://dc.example\n"}, "directory.yaml:1: kind", "without bind_name"),
        (
            {"directory": "kind: ldap\nbind_name: a@b.example\nuri: ldap://dc.example\n"},
            "directory.yaml:3: uri",
            "in clear (K06)",
        ),
        ({"directory": "kind: domain\npeople: ou=x\n"}, "directory.yaml:2: people", "server's own"),
        ({"directory": "attributes:\n  logn: x\n"}, "directory.yaml:2: attributes.logn", "login"),
        ({"directory": "uri: ldaps://dc.example\n"}, "directory.yaml:1: uri", "with kind slapd"),
        ({"server": "identity: numbers\nfirst_id: 59990\n"}, "server.yaml:2: first_id", "meet those of accounts"),
        ({"server": "state: /srv/schoolserver\n"}, "server.yaml:1: state", "state and data in one folder"),
        ({"server": f"runtime: /{'r' * 90}\n"}, "server.yaml:1: runtime", "91 bytes"),
        ({"server": "audit_log: plain\n"}, "server.yaml:1: audit_log", "audit_log plain with launcher systemd"),
        (
            {"auth": "first_delay: 1 min\nmax_delay: 10 s\n"},
            "auth.yaml:2: max_delay",
            "max_delay less than first_delay",
        ),
        (
            {"network": "listen:\n  imap: 127.0.0.1:587\n"},
            "network.yaml:2: listen.imap",
            "submission and imap on one port",
        ),
        ({"network": "listen:\n  ldap: 0.0.0.0:389\n"}, "network.yaml:2: listen.ldap", "in clear (K06)"),
        ({"network": "listen:\n  ldap: 10.1.0.2:389\n"}, "network.yaml:2: listen.ldap", "in clear (K06)"),
        ({"network": "rooms:\n  a: [10.0.0.0/8]\n  b: [10.0.0.0/8]\n"}, "network.yaml:3: rooms.b[0]", "room a"),
        (
            {"school": "holidays:\n- {first: 2026-12-23, last: 2026-12-22}\n"},
            "school.yaml:2: holidays[0].last",
            "before first 2026-12-23",
        ),
    ],
)
def test_what_does_not_fit_together(files, place, part, tmp_path):
    (only,) = problems(tmp_path, **files)
    assert only.startswith(f"{place}: found")
    assert part in only


def test_two_wrong_listeners_do_not_hide_a_third(tmp_path):
    found = problems(tmp_path, network="listen:\n  submission: nowhere\n  imap: 127.0.0.1:389\n")
    assert len(found) == 2
    assert found[1].startswith("network.yaml:3: listen.imap: found imap and ldap on one port")


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]"])
def test_the_directory_may_listen_on_this_machine(host, tmp_path):
    assert problems(tmp_path, network=f"listen:\n  ldap: '{host}:2389'\n") == []


def test_ids_apart_are_fine(tmp_path):
    assert problems(tmp_path, server="identity: numbers\n") == []
    assert problems(tmp_path, server="launcher: children\naudit_log: plain\n") == []
    assert problems(tmp_path, directory="kind: ldap\nuri: ldaps://dc.example\nbind_name: a@b.example\n") == []
    assert problems(tmp_path, directory="kind: ldap\nuri: ldap://127.0.0.1:99\nbind_name: cn=a,dc=b\n") == []


WORDS = st.sampled_from(
    [
        *[
            "modules",
            "rules",
            "mail",
            "web",
            "all",
            "off",
            "allow",
            "deny",
            "roles",
            "rooms",
            "pupil",
            "limits",
            "listen",
        ],
        *[
            "name",
            "domain",
            "state",
            "20 MB",
            "10 s",
            "1",
            "true",
            "~",
            "07:30-08:00",
            "mon-fri",
            "upload",
            "times",
            "'",
        ],
    ]
)
VALUES = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(WORDS, inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=8,
)
LINES = st.lists(st.tuples(WORDS, VALUES).map(": ".join), max_size=5).map("\n".join)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from(sorted(FILES)), content=LINES.map(str.encode) | st.binary(max_size=60))
def test_any_file_gives_settings_or_settings_error(name, content, tmp_path):
    for other in tmp_path.iterdir():
        other.unlink()
    (tmp_path / f"{name}.yaml").write_bytes(content)
    try:
        assert isinstance(load(tmp_path), Settings)
    except SettingsError as error:
        assert error.problems
        str(error).encode()
