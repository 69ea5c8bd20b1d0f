"""Setup as a carer meets it: answers in, a server that may start out; again and again."""

import os
import signal
import socket
import stat

import pytest

from appliance.daemon.authority import standing
from appliance.daemon.identities import Identities
from appliance.daemon.tls import server_context
from appliance.settings.check import check
from appliance.settings.load import load
from tests.integration.support_btrfs import btrfs, hindrance
from tests.integration.support_ports import free_port

TLS = ("mail", "imap", "autoconfig", "proxy", "fileshare")
SUBVOLUME = 256
"""Number of the folder in which a subvolume of btrfs begins (BTRFS_FIRST_FREE_OBJECTID)."""


def test_from_an_answer_file_everything_is_made_and_nothing_starts_before_it_is(machine):
    done = machine.answered()
    assert done.returncode == 0, done.stderr
    assert "systemd does not run here, so nothing was started" in done.stdout
    assert check(machine.places.settings) == ()
    settings = load(machine.places.settings)
    assert (settings.school.name, settings.school.domain) == ("Schule am See", "see.example")
    for part in TLS:
        folder = settings.server.state / part / "tls"
        server_context(folder)
        found = standing(folder / "cert.pem")
        more = {"autoconfig.see.example", "autodiscover.see.example", "see.example"} if part == "autoconfig" else set()
        assert set(found.names) == {"mail.see.example", "10.1.0.2", "localhost", "127.0.0.1"} | more
        owner = Identities(settings.server).of("privileged" if part == "imap" else part)
        assert ((folder / "key.pem").stat().st_uid, stat.S_IMODE((folder / "key.pem").stat().st_mode)) == (
            owner.uid,
            0o400,
        )
    assert machine.places.authority.read_bytes() == (settings.server.state / "authority" / "ca.pem").read_bytes()
    assert stat.S_IMODE(machine.places.authority.stat().st_mode) == 0o444
    drop_in = (machine.places.overrides / "schoolserver-imap.socket.d" / "listen.conf").read_text()
    assert f"ListenStream={settings.network.listen['imap']}\n" in drop_in
    assert machine.log_lines() == [
        "folders",
        "daemon-reload",
        "enable schoolserver.target schoolserver-supervisor.service schoolserver-certificates.timer",
        "start schoolserver.target",
    ]
    assert machine.places.marker.exists()
    assert not machine.places.under_way.exists()


def test_what_to_do_on_the_backup_server_is_said(machine):
    done = machine.answered()
    assert "on backup.example install the package schoolserver-backup-server" in done.stdout
    assert "schoolserver-backup-server pair am-see" in done.stdout
    assert "schoolserver backup pair" in done.stdout


def test_a_dry_run_says_what_would_change_and_changes_nothing(machine):
    before = machine.tree()
    done = machine.answered("--dry-run")
    assert done.returncode == 0
    assert "school.yaml: name: Schule am See" in done.stdout
    assert "certificate of mail: for mail.see.example, 10.1.0.2" in done.stdout
    assert machine.tree() == before


def test_a_second_time_changes_nothing(machine):
    machine.answered()
    before = machine.tree()
    again = machine.answered()
    assert again.returncode == 0
    assert "Nothing changes: everything is as it should be already." in again.stdout
    assert machine.tree() == before


def test_edits_and_comments_of_a_hand_stay(machine):
    machine.answered()
    network = machine.places.settings / "network.yaml"
    school = machine.places.settings / "school.yaml"
    network.write_text(network.read_text().replace("10.1.12.0/24]", "10.1.12.0/24]  # new PCs in May"))
    school.write_text(
        school.read_text().replace("Schule am See", "Schule am Berg") + "language: en  # for the guests\n"
    )
    kept = (network.read_text(), school.read_text())
    done = machine.answered()
    assert done.returncode == 0
    assert (network.read_text(), school.read_text()) == kept
    assert "school.yaml: name stays Schule am Berg" in done.stdout
    machine.answers.write_text(
        machine.answers.read_text().replace("'12': [10.1.12.0/24]", "'12': [10.1.12.0/24], '13': [10.1.13.0/24]")
    )
    machine.answered()
    assert "'12': [10.1.12.0/24]  # new PCs in May\n  '13': [10.1.13.0/24]\n" in network.read_text()


def test_everything_wrong_is_told_at_once_and_nothing_is_changed(machine):
    machine.answers.write_text("schol: x\ndomain: nowhere\nrooms: {'12': 7}\n")
    before = machine.tree()
    done = machine.answered()
    assert done.returncode == 2
    assert "schol: found an unknown key" in done.stderr
    assert "did you mean school?" in done.stderr
    assert "domain: found 'nowhere'; allowed: a domain" in done.stderr
    assert "rooms.12: found '7'" in done.stderr
    assert done.stderr.endswith("Nothing was changed.\n")
    assert machine.tree() == before


def test_settings_are_checked_together_before_anything_is_written(machine):
    (machine.places.settings / "mail.yaml").write_text("idle_timout: 5 min\n")
    machine.answers.write_text(
        machine.answers.read_text().replace("10.1.12.0/24", "10.9.12.0/24").replace("mail.see", "mail.sea")
    )
    before = machine.tree()
    done = machine.answered()
    assert done.returncode == 2
    assert "mail.yaml:1: idle_timout: found an unknown key" in done.stderr
    assert "10.9.12.0/24; allowed: a part of the school's networks (10.1.0.0/16)" in done.stderr
    assert "certificates.names[0]" not in done.stderr
    assert "names[0]: found mail.sea.example; allowed: see.example or a name that ends in .see.example" in done.stderr
    assert machine.tree() == before


def test_who_has_a_port_is_named(machine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port, network = other.getsockname()[1], machine.places.settings / "network.yaml"
        lines = [f"  imap: 127.0.0.1:{port}" if "imap:" in line else line for line in network.read_text().splitlines()]
        network.write_text("\n".join(lines) + "\n")
        done = machine.answered()
    assert done.returncode == 2
    assert f"network.yaml: listen.imap: 127.0.0.1:{port} is taken by" in done.stderr
    assert f"(process {os.getpid()}" in done.stderr
    assert not machine.places.marker.exists()


def test_a_layout_that_the_units_do_not_know_is_refused(machine):
    server = machine.places.settings / "server.yaml"
    server.write_text(server.read_text().replace(f"data: {machine.top}/srv", "data: /mnt/raid"))
    done = machine.answered()
    assert done.returncode == 2
    assert "server.yaml: data is /mnt/raid, but the installed units know" in done.stderr


def test_a_part_that_is_not_installed_is_left_out(machine):
    (machine.places.units / "schoolserver-proxy.service").unlink()
    assert machine.answered().returncode == 0
    assert not (machine.places.state / "proxy" / "tls" / "cert.pem").exists()
    assert not list(machine.places.overrides.glob("schoolserver-proxy*"))


def test_without_any_package_it_says_what_to_do(machine):
    for unit in machine.places.units.iterdir():
        unit.unlink()
    done = machine.answered()
    assert done.returncode == 2
    assert "install the packages first" in done.stderr


def test_debian_s_own_engines_are_switched_off_and_told_of(machine):
    (machine.memory / "slapd.service.is-active").touch()
    (machine.memory / "dovecot.service.is-active").touch()
    done = machine.answered()
    assert "Debian's own slapd.service is stopped and stays off (its data stay)" in done.stdout
    assert "stop slapd.service dovecot.service" in machine.log_lines()
    assert not list(machine.memory.glob("slapd.service.*"))
    assert "Debian's own" not in machine.answered("--dry-run").stdout


def test_a_moved_socket_goes_down_with_its_service_and_comes_back_where_it_belongs(machine):
    machine.answered()
    network = machine.places.settings / "network.yaml"
    old, new = load(machine.places.settings).network.listen["proxy-tls"], f"127.0.0.1:{free_port()}"
    network.write_text(network.read_text().replace(f"proxy-tls: {old}", f"proxy-tls: {new}"))
    done = machine.answered()
    assert f"schoolserver-proxy-tls.socket listens: {new}" in done.stdout
    assert machine.log_lines()[-5:] == [
        "stop schoolserver-proxy.service schoolserver-proxy-tls.socket",
        "daemon-reload",
        "enable schoolserver.target schoolserver-supervisor.service schoolserver-certificates.timer",
        "start schoolserver.target",
        "restart schoolserver-supervisor.service",
    ]


def test_a_socket_that_goes_back_to_where_the_packages_have_it_needs_no_drop_in(machine):
    machine.answered()
    network = machine.places.settings / "network.yaml"
    old = load(machine.places.settings).network.listen["imap"]
    network.write_text(network.read_text().replace(f"imap: {old}", "imap: 0.0.0.0:143"))
    done = machine.answered()
    if "is taken by" in done.stderr:
        pytest.skip("somebody on this machine has port 143")
    assert "schoolserver-imap.socket listens: as shipped" in done.stdout
    assert not (machine.places.overrides / "schoolserver-imap.socket.d").exists()


def test_other_names_make_new_certificates_and_only_running_parts_are_told(machine):
    machine.answered()
    (machine.memory / "schoolserver-mail.service.is-active").touch()
    machine.answers.write_text(machine.answers.read_text().replace("10.1.0.2", "10.1.0.3"))
    done = machine.answered()
    assert "certificate of mail: until" in done.stdout
    assert machine.log_lines()[-1] == "reload schoolserver-mail.service"


def test_the_domain_stays_once_there_is_a_directory(machine):
    machine.answered()
    database = machine.places.state / "directory" / "db" / "data.mdb"
    database.parent.mkdir()
    database.touch()
    machine.answers.write_text(machine.answers.read_text().replace("see.example", "berg.example"))
    done = machine.answered()
    assert done.returncode == 2
    assert "the directory is made for see.example, so it stays" in done.stderr


def test_questions_at_a_terminal_propose_and_ask_again(machine):
    words = [
        "Schule am See",
        "nowhere",
        "see.example",
        "",  # language
        "",  # zone
        "10.1.0.0/16",
        "12 = 10.1.12.0/24",
        "",  # directory: none about a domain or an existing one
        "none",  # certificate: no question about a key
        "",
        "none",  # backup: none about a port
        "none",
        "y",
    ]
    done = machine.run(words="\n".join(words) + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 'nowhere'; allowed: a domain" in done.stderr
    assert "Do this? [Y/n]" in done.stdout
    assert "backup_port" not in done.stdout
    settings = load(machine.places.settings)
    assert list(map(str, settings.network.rooms["12"])) == ["10.1.12.0/24"]
    again = machine.run(words="\n" * 20)
    assert "school [Schule am See]:" in again.stdout
    assert "rooms [12 = 10.1.12.0/24]:" in again.stdout
    assert "Nothing changes: everything is as it should be already." in again.stdout


FIRST = ("Schule am See", "see.example", "", "", "10.1.0.0/16", "12 = 10.9.12.0/24", "", "none", "", "none")


def test_answers_that_do_not_go_together_are_asked_again_and_not_lost(machine):
    again = ["", "", "", "", "", "12 = 10.1.12.0/24", "", "", "", "", "none", "y"]
    done = machine.run(words="\n".join([*FIRST, "nobodyhere", "y", *again]) + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rooms.12[0]: found 10.9.12.0/24" in done.stderr
    assert "rooms [12 = 10.9.12.0/24]:" in done.stdout
    assert "admins [nobodyhere]:" in done.stdout
    assert load(machine.places.settings).school.name == "Schule am See"


def test_who_does_not_want_to_be_asked_again_has_changed_nothing(machine):
    before = machine.tree()
    done = machine.run(words="\n".join([*FIRST, "none", "n"]) + "\n")
    assert done.returncode == 2
    assert "Nothing was changed." in done.stderr
    assert machine.tree() == before


def test_an_answer_that_is_the_default_is_not_asked_away_by_what_the_machine_suggests(machine):
    """Nothing of it stands in the settings; cut short before the last step, it is known all the same."""
    words = ["Schule am See", "see.example", "", "Europe/Berlin", "none", "none", "", "none", "", "none", "root", "y"]
    cut = machine.run(cut=("machine.enable", 1), words="\n".join(words) + "\n")
    assert cut.returncode == -signal.SIGKILL, cut.stdout + cut.stderr
    again = machine.run(words="\n" * 20)
    assert "zone [Europe/Berlin]:" in again.stdout
    assert "networks [none]:" in again.stdout
    assert "admins [root]:" in again.stdout


@pytest.mark.parametrize("words", ["", "Schule am See\nsee.example\n" + "\n" * 9 + "n\n"], ids=["end of input", "no"])
def test_whoever_breaks_off_or_says_no_has_changed_nothing(machine, words):
    before = machine.tree()
    done = machine.run(words=words)
    assert done.returncode in (0, 130)
    assert "Nothing was changed." in done.stdout + done.stderr
    assert machine.tree() == before


def test_the_example_reads_back(machine):
    (machine.places.units / "schoolserver-domain.service").touch()
    printed = machine.run("--print-answers")
    machine.answers.write_text(printed.stdout)
    assert machine.answered("--dry-run").returncode == 0


def test_a_careful_shell_closes_nothing_that_the_parts_have_to_read(machine):
    before = os.umask(0o077)
    try:
        assert machine.answered().returncode == 0
    finally:
        os.umask(before)
    settings = load(machine.places.settings)
    for path in (machine.places.settings / "school.yaml", settings.server.state / "authority" / "ca.pem"):
        assert path.stat().st_mode & stat.S_IROTH, path
        assert path.parent.stat().st_mode & stat.S_IXOTH, path.parent


@pytest.mark.skipif(bool(hindrance()), reason=hindrance() or "btrfs")
def test_on_btrfs_mail_is_a_subvolume_before_anything_runs_and_never_touched_later(machine):
    """Former versions of files are snapshots of the data: mail has no part in them."""
    data = machine.top / "srv"
    data.mkdir()
    with btrfs(data):
        assert machine.answered().returncode == 0
        mail = data / "mail"
        owner = Identities(load(machine.places.settings).server).of("mail").uid
        assert (mail.stat().st_ino, mail.stat().st_uid, mail.stat().st_mode & 0o777) == (SUBVOLUME, owner, 0o700)
        (mail / "letter").write_text("private")
        assert machine.answered().returncode == 0
        assert (mail / "letter").read_text() == "private"
        assert sorted(path.name for path in data.iterdir()) == ["groups", "homes", "mail"]
