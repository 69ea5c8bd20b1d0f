"""Somebody else's OpenLDAP, as a town may have one: persons in folders below folders, over TLS, with its own rights."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from appliance.daemon.authority import ensure_authority, issue
from appliance.policy.account import GroupKind
from appliance.settings.load import load
from tests.integration.support_ports import free_port
from tests.integration.support_slapd import ROOT, SETTINGS, Slapd

BASE = "ou=schule,dc=town,dc=example"
PEOPLE, GROUPS = f"ou=Benutzer,{BASE}", f"ou=Gruppen,{BASE}"
BIND, WORD = f"cn=schoolserver,{BASE}", "town-secret"
SCHEMAS = ("core", "cosine", "inetorgperson", "nis")
RIGHTS = f'access to * by dn.exact="{BIND}" write by * auth'
POLICY = ("pwdMustChange: TRUE", "pwdAllowUserChange: FALSE")


class Town(Slapd):
    """A running slapd of somebody else."""

    config: Path
    port: int

    def argv(self) -> list[str]:
        listen = f"ldaps://127.0.0.1:{self.port} ldapi://{str(self.socket).replace('/', '%2F')}"
        return ["/usr/sbin/slapd", "-f", str(self.config), "-h", listen, "-d", "0"]

    def say(self, **files: str) -> None:
        """Write settings anew: ``directory="..."``."""
        for name, text in files.items():
            (self.settings.folder / f"{name}.yaml").write_text(text.replace("{port}", str(self.port)))
        self.settings = load(self.settings.folder)


DIRECTORY = f"""\
kind: ldap
uri: ldaps://127.0.0.1:{{port}}
base: {BASE}
people: {PEOPLE}
groups: {GROUPS}
bind_name: {BIND}
timeout: 2 s
"""


@contextmanager
def start_town(
    folder: Path,
    schemas: Sequence[str] = SCHEMAS,
    rights: str = RIGHTS,
    policy: Sequence[str] | None = POLICY,
    names: Sequence[str] = ("127.0.0.1",),
    issued: datetime | None = None,
    synced: bool = True,
) -> Iterator[Town]:
    """Run it until the end, with other schemas, rights, password policy, names in its certificate, or an old one."""
    port = free_port()
    place = folder / "settings"
    place.mkdir()
    texts = {**SETTINGS, "directory.yaml": DIRECTORY.replace("{port}", str(port))}
    for name, text in texts.items():
        place.joinpath(name).write_text(text.replace("{folder}", str(folder)))
    town = Town(load(place))
    town.port, town.config = port, folder / "town.conf"
    authority = ensure_authority(folder / "authority", "town.example", now=issued)
    (folder / "tls").mkdir()
    issue(authority, folder / "tls", names, now=issued)
    (place / "ca.pem").write_bytes((folder / "authority" / "ca.pem").read_bytes())
    for service in ("supervisor", "auth"):
        secret = folder / "state" / service / "directory.password"
        secret.parent.mkdir(parents=True)
        secret.write_text(WORD)
    town.socket.parent.mkdir(parents=True)
    (folder / "db").mkdir()
    town.config.write_text(config(folder, schemas, rights, policy is not None, synced))
    ldif = "\n".join(entries("nis" in schemas, policy))
    subprocess.run(["/usr/sbin/slapadd", "-q", "-f", str(town.config)], input=ldif, text=True, check=True)
    town.start()
    try:
        yield town
    finally:
        town.kill(signal.SIGTERM)


def config(folder: Path, schemas: Sequence[str], rights: str, ppolicy: bool, synced: bool) -> str:
    own = ROOT / "appliance" / "directory" / "slapd" / "schoolserver.schema"
    included = [f"/etc/ldap/schema/{name}.schema" for name in schemas]
    lines = [f"include {path}" for path in (*included, *((own,) if "nis" in schemas else ()))]
    lines += [
        "modulepath /usr/lib/ldap",
        "moduleload back_mdb",
        "moduleload syncprov",
        *(["moduleload ppolicy"] if ppolicy else []),
    ]
    lines += [f"TLSCertificateFile {folder}/tls/cert.pem", f"TLSCertificateKeyFile {folder}/tls/key.pem"]
    lines += ["loglevel none", "sasl-host localhost", f"pidfile {folder}/town.pid"]
    lines += ["database mdb", 'suffix "dc=town,dc=example"', 'rootdn "cn=root,dc=town,dc=example"']
    lines += [f"directory {folder}/db", rights]
    lines += ["overlay syncprov"] if synced else []
    lines += ["overlay ppolicy", f'ppolicy_default "cn=policy,{BASE}"', "ppolicy_hash_cleartext"] if ppolicy else []
    return "\n".join((*lines, ""))


def entries(numbers: bool, policy: Sequence[str] | None) -> Iterator[str]:
    yield "dn: dc=town,dc=example\nobjectClass: domain\ndc: town\n"
    units = (BASE, PEOPLE, f"ou=5a,{PEOPLE}", GROUPS, *(f"ou={kind},{GROUPS}" for kind in GroupKind))
    for unit in units:
        yield f"dn: {unit}\nobjectClass: organizationalUnit\n"
    secret = "objectClass: simpleSecurityObject"
    yield f"dn: {BIND}\nobjectClass: applicationProcess\n{secret}\nuserPassword: {WORD}\n"
    if policy is not None:
        lines = "\n".join(
            ("objectClass: applicationProcess", "objectClass: pwdPolicy", "pwdAttribute: userPassword", *policy)
        )
        yield f"dn: cn=policy,{BASE}\n{lines}\n"
    if numbers:
        yield (
            f"dn: cn=Anna Alt,ou=5a,{PEOPLE}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\n"
            "uid: anna.alt\nsn: Alt\ngivenName: Anna\nuidNumber: 30001\ngidNumber: 30001\nemployeeType: pupil\n"
            "homeDirectory: /home/anna.alt\n"
        )
