"""Verbs about the server as a whole: how it is, and its settings."""

from __future__ import annotations

from typing import Any

from appliance.daemon.options import SettingsError
from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.events import Kind
from appliance.settings.load import load
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Call, Verb, VerbError


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""

    def status(_call: Call) -> dict[str, Any]:
        return core.health.status()

    def reload(call: Call) -> dict[str, Any]:
        try:
            settings = load(core.settings.folder)
        except SettingsError as error:
            raise VerbError("settings", str(error)) from error
        if settings.school.domain != core.settings.school.domain:
            raise VerbError(
                "settings",
                f"school.yaml: the domain is {core.settings.school.domain} since accounts exist; it stays so",
            )
        core.take_over(settings)
        core.in_force()
        core.record(Kind.SETTINGS_CHANGED, by=call.by)
        return {"folder": str(settings.folder), "warnings": _reload_units(core)}

    return {"status": Verb(status), "settings.reload": Verb(reload)}


def _reload_units(core: Core) -> list[str]:
    """Tell every unit to read its settings again; gives a warning for each that could not be told."""
    try:
        units = core.launcher.states()
    except Unreachable as error:
        return [f"the units go on with their settings: {error}"]
    warnings = []
    for unit in units:
        if not unit.healthy:
            continue  # it reads the settings when it starts
        try:
            core.launcher.reload(unit.name)
        except RequestRefused:
            continue  # an engine that has no reload: what it needs of the settings is rendered at its start
        except Unreachable as error:
            warnings.append(f"{unit.name} goes on with its settings: {error}")
    return warnings
