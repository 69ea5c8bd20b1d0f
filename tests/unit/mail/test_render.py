"""Dovecot's files, compared with golden trees: ``golden/LANGUAGE/IDENTITY.conf`` and ``golden/LANGUAGE/auth.lua``.

After a wanted change: ``/usr/bin/python3 tests/unit/mail/test_render.py`` writes them anew; read the difference.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.daemon.options_network import Address
from appliance.mail.imap.engine import Engine, Names, Unusable, engine_for
from appliance.mail.imap.render import configuration, language_of, lua_script
from appliance.policy.account import Service
from appliance.policy.limits import LimitRule, encoded_size
from appliance.settings.load import Settings, load

GOLDEN = Path(__file__).with_name("golden")
HERE = Address("127.0.0.1", 2143)
RUN, STATE = Path("/run/schoolserver"), Path("/var/lib/schoolserver")
USERS = Engine(
    base=RUN / "dovecot",
    state=STATE / "imap",
    tls=STATE / "imap" / "tls",
    mail=Path("/srv/schoolserver/mail"),
    auth_socket=RUN / "auth" / "auth.sock",
    imap=Address("0.0.0.0", 143),
    imaps=Address("0.0.0.0", 993),
    uid=60806,
    gid=60807,
    largest=28000000,
    messages_max=100000,
    mailboxes_max=500,
    names=Names("dovecot", "dovenull", "dovecot", "schoolserver", chroot=True),
)
ENGINES = {
    "users": USERS,
    "numbers": replace(USERS, imap=HERE, imaps=Address("127.0.0.1", 2993), names=replace(USERS.names, services="")),
    "no-imaps": replace(USERS, imaps=None),
    "tickets": replace(USERS, tickets=STATE / "imap" / "krb5.keytab"),
    "same": replace(USERS, imap=HERE, names=Names("carer", "carer", "carers", "", chroot=False)),
}
HOOK = "function auth_password_verify(request, password)\nend\n"


@pytest.mark.parametrize("language", ["2.3", "2.4"])
@pytest.mark.parametrize("identity", ENGINES)
def test_the_configuration(language: str, identity: str) -> None:
    expected = (GOLDEN / language / f"{identity}.conf").read_text(encoding="utf-8")
    assert configuration(ENGINES[identity], language) == expected


@pytest.mark.parametrize("language", ["2.3", "2.4"])
def test_the_script(language: str) -> None:
    assert lua_script(USERS, language, HOOK) == (GOLDEN / language / "auth.lua").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", ["2.3.19.1 (9b53102964)\n", "2.4.1-4 (7d8c0e5759)", "2.4"])
def test_known_versions(version: str) -> None:
    assert language_of(version) == version[:3]


@pytest.mark.parametrize("version", ["", "3.0.1", "2.2.36 (1f10bfa63)", "dovecot"])
def test_unknown_versions(version: str) -> None:
    with pytest.raises(Unusable, match="not known"):
        language_of(version)


def test_the_values_follow_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("identity: numbers\nfirst_id: 61000\nlauncher: children\n")
    (tmp_path / "network.yaml").write_text("listen:\n  imap: 127.0.0.1:2143\n")
    engine = engine_for(load(tmp_path))
    assert (engine.imap, engine.imaps) == (HERE, Address("0.0.0.0", 993))
    assert (engine.base, engine.state) == (RUN / "dovecot", STATE / "imap")
    assert engine.uid == engine.gid > 61000
    assert engine.names == Names("dovecot", "dovenull", "dovecot", "", chroot=True)


def test_the_largest_message_is_the_largest_that_anybody_may_send(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("identity: numbers\nlauncher: children\n")
    settings = load(tmp_path)
    usual = engine_for(settings).largest
    mail = LimitRule("a", upload=10**9, download=None, service=Service.MAIL)
    files = LimitRule("b", upload=10**10, download=None, service=Service.FILES)
    assert engine_for(_limited(settings, files)).largest == usual
    assert encoded_size(10**9) < engine_for(_limited(settings, files, mail)).largest < encoded_size(10**9) + 2**20


def _limited(settings: Settings, *rules: LimitRule) -> Settings:
    table = replace(settings.access.limits, rules=rules)
    return replace(settings, access=replace(settings.access, limits=table))


@pytest.mark.parametrize("path", ["/srv/a b", "/srv/a#b", "/srv/$a", '/srv/"a', "/srv/%u", "/" + "x" * 75])
def test_paths_that_dovecot_would_misread_are_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "server.yaml").write_text(f"identity: numbers\nlauncher: children\nruntime: '{path}'\n")
    with pytest.raises(Unusable, match=r"server\.yaml: runtime"):
        engine_for(load(tmp_path))


def write() -> None:
    for identity, engine in ENGINES.items():
        for language in ("2.3", "2.4"):
            path = GOLDEN / language / f"{identity}.conf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(configuration(engine, language), encoding="utf-8")
    for language in ("2.3", "2.4"):
        (GOLDEN / language / "auth.lua").write_text(lua_script(USERS, language, HOOK), encoding="utf-8")


if __name__ == "__main__":
    write()
