"""``check --outside`` sees the way as the mail service does, not as root does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.cli.check_outside import kept_from, smarthost
from appliance.daemon.identities import Identities
from appliance.settings.load import Settings, load
from tests.integration.alerts import smarthost as host
from tests.integration.support_parts import short_folder
from tests.integration.support_ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as (made, _stack):
        yield made


def settings(folder: Path, *lines: str) -> Settings:
    text = "".join(f"  {line}\n" for line in ("send: [teacher]", *lines))
    (folder / "mail.yaml").write_text(f"outside:\n{text}")
    read = load(folder)
    return replace(read, server=replace(read.server, identity="numbers"))


def test_a_smarthost_that_wants_a_login_is_not_right(folder: Path) -> None:
    with host.smarthost(folder) as away:
        way = (f"smarthost: localhost:{away.port}", f"ca: {away.ca}")
        right, text = smarthost(settings(folder, *way))
        assert not right and text == (
            "smarthost: answers 530 to a mail from postmaster@schule.example "
            "(mail.yaml: outside.login and password_file)"
        )
        (folder / "password").write_text(host.PASSWORD)
        (folder / "password").chmod(0o640)
        with_login = settings(folder, *way, f"login: {host.LOGIN}", f"password_file: {folder}/password")
        same = replace(with_login, server=replace(with_login.server, identity="same"))
        assert smarthost(same) == (True, "smarthost: takes mail from us, messages of up to 33 MB")


def test_the_wrong_kind_of_encryption_is_asked_about(folder: Path) -> None:
    with host.smarthost(folder) as away:
        right, text = smarthost(
            settings(folder, f"smarthost: localhost:{away.port}", f"ca: {away.ca}", "encryption: tls")
        )
    assert not right and text.endswith("; is mail.yaml: outside.encryption (tls) right for this port?")
    right, text = smarthost(settings(folder, f"smarthost: localhost:{free_port()}"))
    assert not right and "right for this port" not in text, "nobody is there at all"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")
def test_a_password_that_only_root_may_read_is_named_with_what_to_do(folder: Path) -> None:
    place = folder / "inner"
    place.mkdir(mode=0o755)
    path = place / "password"
    path.write_text("secret")
    path.chmod(0o640)
    school = settings(folder, "smarthost: localhost:25", "login: x", f"password_file: {path}")
    own = Identities(school.server).of("mail")
    remedy = f"chown root:{own.gid} {path} && chmod 640 {path}"
    folder.chmod(0o755)
    assert smarthost(school) == (False, f"smarthost: the mail service cannot read {path}: {remedy}")
    os.chown(path, 0, own.gid)
    assert kept_from(path, school) is None
    path.chmod(0o600)
    assert kept_from(path, school) == f"the mail service cannot read {path}: {remedy}"
    os.chown(path, own.uid, 0)
    assert kept_from(path, school) is None, "its own"
    place.chmod(0o750)
    assert kept_from(path, school) == f"the mail service cannot read {path}: chmod a+x {place}"
    assert kept_from(folder / "nix", school) == f"there is no file {folder}/nix"
