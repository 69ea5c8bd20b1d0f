"""Verbs about the server as a whole: how it is, and its settings."""

from __future__ import annotations

from typing import Any

from appliance.daemon.options import SettingsError
from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.events import Kind
from appliance.settings.load import load
from appliance.settings.named_files import missing_files
from appliance.settings.web_notes import web_notes
from appliance.supervisor.alerts_mail import CannotSend
from appliance.supervisor.core import Core
from appliance.supervisor.lists_renewal import compile_soon
from appliance.supervisor.mail_addresses import taken
from appliance.supervisor.verb import Call, Verb, VerbError

_FRESH = 1.0  # seconds: who has just stopped a unit sees it stopped


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""

    def status(_call: Call) -> dict[str, Any]:
        core.health.look(unless_within=_FRESH)
        return core.health.status()

    def reload(call: Call) -> dict[str, Any]:
        try:
            settings = load(core.settings.folder)
        except SettingsError as error:
            raise VerbError("settings", f"{error}\nThe server goes on with the settings that it has.") from error
        if settings.school.domain != core.settings.school.domain:
            raise VerbError(
                "settings",
                f"school.yaml: the domain is {core.settings.school.domain} since accounts exist; it stays so",
            )
        lists = core.settings.web.lists
        warnings = core.take_over(settings)
        core.in_force()
        core.record(Kind.SETTINGS_CHANGED, by=call.by)
        snapshot = core.publisher.snapshot
        warnings += (
            missing_files(settings) + web_notes(settings) + ([] if snapshot is None else taken(settings, snapshot))
        )
        warnings += _reload_units(core)
        if settings.web.lists != lists and core.health.installed("proxy"):
            compile_soon(settings)
            warnings.append("the lists of the web filter are being made anew; status says when they are in force")
        return {"folder": str(settings.folder), "warnings": warnings}

    def try_alerts(_call: Call) -> dict[str, Any]:
        try:
            return {"addresses": core.alerts.try_now()}
        except CannotSend as problem:
            raise VerbError("cannot-send", f"the alert cannot be sent: {problem}") from problem

    return {"status": Verb(status), "settings.reload": Verb(reload), "alerts.test": Verb(try_alerts)}


def _reload_units(core: Core) -> list[str]:
    """Let every unit read its settings again, and wait; gives a warning for each that goes on with its former ones."""
    try:
        units = core.launcher.states()
    except Unreachable as error:
        return [f"the units go on with their settings: {error}"]
    warnings = []
    for unit in units:
        if not unit.serves:
            continue  # it reads the settings when it starts
        try:
            core.launcher.reload(unit.name)
        except RequestRefused as refusal:
            if refusal.kind != "not-possible":  # an engine: what it needs of the settings is rendered at its start
                warnings.append(f"{unit.name} goes on with its former settings: {refusal.text}")
        except Unreachable as error:
            warnings.append(f"{unit.name} goes on with its former settings: {error}")
    return warnings
