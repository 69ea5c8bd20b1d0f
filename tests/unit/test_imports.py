"""The import rule of ARCHITECTURE.md: who may know whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "appliance"
CLIENTS = {"auth.client", "auth.envelope", "audit.client", "privileged.client"}
BASE = {"policy", "settings", "daemon"}
MAY = {
    "policy": {"policy"},
    "daemon": {"daemon"},
    "settings": BASE,
    "directory": BASE | {"directory"},
    "clock": BASE | {"clock"},
    "guard": BASE | {"guard"},
    "firewall": BASE | {"firewall"},
    "resolver": BASE | {"resolver", "filter.safe_search"},
    "roster": BASE | {"roster", "directory"},
    "auth": BASE | {"auth", "directory", "audit.client", "usage"},
    "audit": BASE | {"audit"},
    "privileged": BASE | {"privileged", "usage", "directory.short"},
    "usage": BASE | {"usage"},
    "session": {"policy", "daemon", "session", "auth.client", "audit.client"},
    "mail": BASE | CLIENTS | {"mail", "session", "usage"},
    "fileshare": BASE | CLIENTS | {"fileshare", "session", "usage", "directory.short"},
    "filter": BASE | {"filter"},
    "proxy": BASE | CLIENTS | {"proxy", "session", "filter"},
    "autoconfig": BASE | {"autoconfig", "session.replies"},
    "backup": BASE
    | {"privileged.acl", "privileged.folders", "privileged.mending", "privileged.removing", "usage.weight"}
    | CLIENTS
    | {"backup", "backup_server.attributes", "backup_server.encrypted", "backup_server.lines"}
    | {"backup_server.manifest", "backup_server.names", "backup_server.pairing", "backup_server.ssh_key"}
    | {"backup_server.faults", "backup_server.stored", "backup_server.talk"},
    "backup_server": {"backup_server"},
    "recovery": BASE | {"recovery", "backup", "backup_server", "setup"},
    "supervisor": BASE
    | CLIENTS
    | {"supervisor", "directory", "roster", "usage", "fileshare.smb.render", "mail.seal", "mail.seal_key", "filter"}
    | {"backup.deletions", "backup.drill_result", "backup.drill_standing", "backup.standing"},
    "cli": BASE
    | {"cli", "auth.envelope", "supervisor.client", "demo.run", "setup", "directory.examine", "mail.seal"}
    | {"recovery.talk"},
    "setup": BASE
    | {"setup", "supervisor.launcher.unit", "supervisor.launcher.units"}
    | {"directory.client", "directory.errors", "directory.examine", "directory.moving", "directory.domain.ports"},
    "demo": BASE
    | {"demo", "filter", "auth.envelope", "supervisor.client"}
    | {"backup.intent", "backup.own_key", "backup.pair", "backup.recovery_key", "backup_server"},
}


def modules() -> Iterator[Path]:
    return (path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parent != Path())


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(name: str, may: set[str]) -> bool:
    inner = name.removeprefix("appliance.")
    return name == "appliance" or any(
        inner == one or inner.startswith(f"{one}.") or one.startswith(f"{inner}.") for one in may
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_knows_only_whom_it_may(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    assert folder in MAY, f"say in this test whom appliance/{folder} may import"
    ours = {name for name in imported(path) if name == "appliance" or name.startswith("appliance.")}
    wrong = {name for name in ours if not allowed(name, MAY[folder])}
    assert not wrong, f"{path} may not import {', '.join(sorted(wrong))}"


def test_only_the_directory_speaks_ldap() -> None:
    speakers = {
        path.relative_to(ROOT).parts[0] for path in modules() if any(n.startswith("ldap3") for n in imported(path))
    }
    assert speakers == {"directory"}


def test_the_launcher_knows_neither_policy_nor_the_rest_of_the_supervisor() -> None:
    for path in (ROOT / "supervisor" / "launcher").glob("*.py"):
        ours = {name for name in imported(path) if name.startswith("appliance.")}
        for name in ours:
            assert allowed(name, {"daemon", "settings", "supervisor.launcher"}), f"{path} may not import {name}"
