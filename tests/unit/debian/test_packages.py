"""Which module is in which package, and that none misses what is in another: a host may have only some of them."""

import ast
import functools
import itertools
import sys
from collections.abc import Iterator

import pytest

from appliance.daemon.identities import PARTS, Identities
from tests.unit.debian import reading

# The module, and the Debian package that brings it.
FOREIGN = {
    "OpenSSL": "python3-openssl",
    "aiosmtpd": "python3-aiosmtpd",
    "click": "python3-click",
    "dkim": "python3-dkim",
    "dns": "python3-dnspython",
    "cryptography": "python3-cryptography",
    "jeepney": "python3-jeepney",
    "ldap3": "python3-ldap3",
    "nacl": "python3-nacl",
    "psutil": "python3-psutil",
    "pyftpdlib": "python3-pyftpdlib",
    "rich": "python3-rich",
    "gssapi": "python3-gssapi",
    "ldb": "python3-samba",  # which needs it
    "samba": "python3-samba",
    "systemd": "python3-systemd",
    "tdb": "python3-tdb",
    "twisted": "python3-twisted",
    "unidecode": "python3-unidecode",
    "uvloop": "python3-uvloop",
    "yaml": "python3-yaml",
    "zope": "python3-twisted",
}
# What is imported inside a function, which must do without where it is not installed.
ELSEWHERE = {
    ("cli/demo.py", "appliance.demo.run"),
    ("cli/restore.py", "appliance.recovery.talk"),
    ("cli/mail_verify.py", "appliance.mail.seal"),
    ("supervisor/assembly.py", "appliance.fileshare.smb.render"),
    ("supervisor/verbs_seal.py", "appliance.mail.seal"),
    ("supervisor/verbs_seal.py", "appliance.mail.seal_key"),
}


@pytest.fixture(scope="module")
def owners() -> dict[str, str]:
    return reading.modules()


@functools.cache
def imported(name: str) -> tuple[tuple[str, bool], ...]:
    return tuple(_imported(name))


def _imported(name: str) -> Iterator[tuple[str, bool]]:
    """What a module imports, and whether it does so when it is loaded (and not only for types, or later)."""
    tree = ast.parse((reading.ROOT / "appliance" / name).read_text(encoding="utf-8"))
    types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, True) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", True
            yield from ((f"{node.module}.{alias.name}", False) for alias in node.names)


def inside_functions(name: str) -> set[str]:
    tree = ast.parse((reading.ROOT / "appliance" / name).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    everywhere = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {node.module or "" for node in inner} - {node.module for node in everywhere if node not in inner}


def files(module: str) -> list[str]:
    inner = module.removeprefix("appliance.").replace(".", "/") if module != "appliance" else ""
    return [f"{inner}.py", f"{inner}/__init__.py".lstrip("/")]


def test_every_module_is_in_a_package(owners):
    here = {
        str(path.relative_to(reading.ROOT / "appliance"))
        for path in (reading.ROOT / "appliance").rglob("*.py")
        if "demo" not in path.relative_to(reading.ROOT / "appliance").parts[:1]
    }
    assert here - set(owners) == set()


def test_a_module_imports_from_its_own_package_and_from_common_only(owners):
    wrong = []
    for name, part in owners.items():
        for module, _ in imported(name):
            if not module.startswith("appliance") or (name, module) in ELSEWHERE:
                continue
            for file in files(module):
                if (
                    owners.get(file, part) not in (part, "common")
                    and (name, module.rpartition(".")[0]) not in ELSEWHERE
                ):
                    wrong.append(f"{name} ({part}) imports {module} ({owners[file]})")
    assert wrong == []


def test_what_may_be_absent_is_imported_when_it_is_needed_only():
    for name, module in ELSEWHERE:
        assert module in inside_functions(name), f"{name} imports {module} when it is loaded"


def test_what_is_imported_is_there(owners):
    for name in owners:
        for module, whole in imported(name):
            if whole and module.startswith("appliance") and (name, module) not in ELSEWHERE:
                assert any(file in owners for file in files(module)), f"{name}: {module} is in no package"


def test_each_package_depends_on_what_its_modules_import(owners):
    missing = set()
    for name, part in owners.items():
        reached = reading.depends(part) | reading.depends("common")
        for module, whole in imported(name):
            top = module.partition(".")[0]
            if not whole or top in sys.stdlib_module_names or top in ("appliance", ""):
                continue
            assert top in FOREIGN, f"{name} imports {top}; say in this test which package brings it"
            if FOREIGN[top] not in reached:
                missing.add((part, FOREIGN[top]))
    assert missing == set()


def test_parts_need_common_of_the_same_version_and_nothing_else_of_ours():
    for part in reading.PARTS[1:]:
        ours = [item for item in reading.package(f"schoolserver-{part}")["Depends"] if item.startswith("schoolserver")]
        assert ours == ["schoolserver-common (= ${binary:Version})"]
    ours = [item for item in reading.package("schoolserver")["Depends"] if item.startswith("schoolserver")]
    whole = [[one.split()[0] for one in item.split(" | ")] for item in ours]
    others = [part for part in reading.PARTS if part not in ("domain", "directory")]
    assert sorted(whole) == sorted(
        [["schoolserver-domain", "schoolserver-directory"], *([f"schoolserver-{part}"] for part in others)]
    ), "one directory is enough"


def test_the_second_machine_needs_nothing_of_ours():
    needed = reading.package("schoolserver-backup-server")["Depends"]
    assert not [item for item in needed if item.startswith("schoolserver")]
    for path in (reading.ROOT / "appliance/backup_server").rglob("*.py"):
        for module, whole in imported(f"backup_server/{path.name}"):
            top = module.partition(".")[0]
            known = top in sys.stdlib_module_names or module.startswith("appliance.backup_server")
            assert known or not whole, f"{path.name} imports {module}"


class Numbers:
    identity = "numbers"
    first_id = 1000


def test_the_users_and_their_groups_are_those_that_the_program_expects():
    identities = Identities(Numbers())
    names = {identities.group("services"): "schoolserver", identities.group("admin"): "schoolserver-admin"}
    parts = [part for part in PARTS if part != "privileged"]
    names |= {identities.of(part).gid: f"schoolserver-{part}" for part in parts}
    wanted = {(f"schoolserver-{part}", names[number]) for part in parts for number in identities.of(part).groups}
    users, members, groups = set(), set(), set()
    for line in (reading.DEBIAN / "schoolserver-common.sysusers").read_text().splitlines():
        kind, *rest = line.split()
        if kind == "u":
            users.add(rest[0])
            assert ":" not in line, "no field of passwd may hold a colon"
        elif kind == "g":
            groups.add(rest[0])
        elif kind == "m":
            members.add((rest[0], rest[1]))
    assert users == {f"schoolserver-{part}" for part in parts}
    assert groups == {"schoolserver", "schoolserver-admin"}
    assert members == wanted


def test_units_of_an_optional_part_come_with_it():
    """A unit of -common must start where no other part is: it may be ordered after them, but not need them."""
    common = {path.name for path in reading.units("*") if path.parent.name == "schoolserver-common"}
    for path in reading.units("*"):
        needed = itertools.chain(*(reading.values(path, "Unit", key) for key in ("Requires", "BindsTo", "Requisite")))
        for name in needed:
            assert name in common or (path.parent / name).exists(), f"{path.name} needs {name}"
