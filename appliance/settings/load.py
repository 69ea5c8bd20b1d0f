"""Reading the folder of settings as a whole: all files, then what must fit together, then the frozen result.

May not live here: single options (one module per file) and rules about several of them (``checks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from appliance.daemon.options import options_of
from appliance.daemon.options_reading import WRONG, Problem, Reading, SettingsError, Source
from appliance.daemon.options_table import plain_node, table
from appliance.daemon.options_yaml import read_file
from appliance.policy.web_rules import WebRules
from appliance.settings.access_compile import Access, compile_access
from appliance.settings.accounts import Accounts
from appliance.settings.alerts import Alerts
from appliance.settings.auth import Auth
from appliance.settings.backup import BackupSettings
from appliance.settings.certificates import Certificates
from appliance.settings.checks import CHECKS
from appliance.settings.checks_access import ACCESS_CHECKS
from appliance.settings.checks_certificates import CERTIFICATE_CHECKS
from appliance.settings.checks_domain import DOMAIN_CHECKS
from appliance.settings.checks_web import WEB_CHECKS
from appliance.settings.checks_web_lists import WEB_LIST_CHECKS
from appliance.settings.checks_wlan import WLAN_CHECKS
from appliance.settings.directory import DirectorySettings
from appliance.settings.domain import DomainSettings, completed
from appliance.settings.files import FILES
from appliance.settings.fileshare import Fileshare
from appliance.settings.mail import Mail
from appliance.settings.mail_devices import DEVICE_CHECKS
from appliance.settings.mail_outside import OUTSIDE_CHECKS
from appliance.settings.mail_rules import RULE_CHECKS
from appliance.settings.network import NetworkSettings
from appliance.settings.pcs import PcSettings
from appliance.settings.proxy import Proxy
from appliance.settings.quota import Quota
from appliance.settings.school import School
from appliance.settings.server import Server
from appliance.settings.web import Web
from appliance.settings.web_compile import compile_web


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of ``folder``; ``sources`` by path, such as ``network.listen.imap``.

    ``web_rules`` are those of ``web`` in the order in which they are asked.
    """

    folder: Path
    school: School
    server: Server
    network: NetworkSettings
    directory: DirectorySettings
    domain: DomainSettings
    pcs: PcSettings
    accounts: Accounts
    auth: Auth
    mail: Mail
    backup: BackupSettings
    proxy: Proxy
    web: Web
    web_rules: WebRules
    fileshare: Fileshare
    access: Access
    quota: Quota
    certificates: Certificates
    alerts: Alerts
    sources: Mapping[str, Source]


def load(folder: Path) -> Settings:
    """Read the settings; a missing file means its defaults. Raises :class:`SettingsError` with every problem."""
    reading = Reading()
    present = _look(folder, reading)
    sections = {name: _section(folder, name, kind, present, reading) for name, kind in FILES.items()}
    reading.run(
        (
            *(*CHECKS, *ACCESS_CHECKS, *CERTIFICATE_CHECKS, *DOMAIN_CHECKS, *WEB_CHECKS, *WEB_LIST_CHECKS),
            *(*WLAN_CHECKS, *DEVICE_CHECKS, *OUTSIDE_CHECKS, *RULE_CHECKS),
        )
    )
    if reading.problems:
        order = [f"{name}.yaml" for name in FILES]
        problems = map(_in_its_file, reading.problems)
        raise SettingsError(sorted(problems, key=lambda problem: _place(problem, order)))
    sections["directory"] = _with_base(sections["directory"], sections["school"].domain)
    sections["domain"] = completed(sections["domain"], sections["school"].domain)
    sections["access"] = compile_access(
        sections["access"], sections["school"], sections["mail"].message_overhead, reading.sources.__getitem__
    )
    web_rules = compile_web(sections["web"], sections["school"], reading.sources.__getitem__)
    return Settings(folder=folder, sources=reading.sources, web_rules=web_rules, **sections)


def _place(problem: Problem, order: list[str]) -> tuple[int, int]:
    """Sort problems as a reader meets them: by file, then by line."""
    return order.index(problem.file) if problem.file in order else -1, problem.line or 0


def _in_its_file(problem: Problem) -> Problem:
    """Name the file in which the key of ``problem`` is known, if it is in just one: an option may have moved there."""
    homes = [name for name, kind in FILES.items() if problem.key in {row.key for row in options_of(kind)}]
    if problem.found != "an unknown key" or len(homes) != 1:
        return problem
    return replace(problem, nearest=f"{homes[0]}.yaml: {problem.key}")


def _with_base(directory: DirectorySettings, domain: str) -> DirectorySettings:
    """Make the base from the domain where it is left to us."""
    made = ",".join(f"dc={label}" for label in domain.split("."))
    return replace(directory, base=made) if directory.base == "auto" else directory


def _section(folder: Path, name: str, kind: type, present: frozenset[str], reading: Reading) -> Any:
    """Read one file into its section, or give ``WRONG``."""
    path = folder / f"{name}.yaml"
    node = read_file(path, reading) if path.name in present else plain_node("{}")
    if node is None:
        return WRONG
    return table(kind).read(node, Source(path.name, 1, ""), reading)


def _look(folder: Path, reading: Reading) -> frozenset[str]:
    """Give the names in the folder; a folder that is not there, or a misspelt file, would silently mean defaults."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        reading.report(Source(str(folder), None, ""), f"no folder of settings ({error.strerror})", "a readable folder")
        return frozenset()
    known = [f"{name}.yaml" for name in FILES]
    for name in names:
        if name.endswith((".yaml", ".yml")) and name not in known:
            near = "".join(get_close_matches(name, known, 1))
            reading.report(Source(name, None, ""), "a file of an unknown name", ", ".join(known), near)
    return frozenset(names)
