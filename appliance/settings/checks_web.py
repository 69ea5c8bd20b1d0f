"""What must fit together in ``web.yaml``; rooms and holidays of its rules are looked at by ``checks_access``."""

from __future__ import annotations

from collections.abc import Callable

from appliance.daemon.options_reading import WRONG, Reading
from appliance.policy.web import Verdict
from appliance.settings.web import SiteRule


def _only_what(reading: Reading) -> None:
    """A rule that leaves only some sites open names some: one without says the opposite of what it looks like."""
    for path, entry in list(reading.values.items()):
        if isinstance(entry, SiteRule) and entry.verdict is Verdict.ONLY and not (entry.categories or entry.targets):
            reading.report(reading.sources[path], "only, of no sites", "categories or targets that stay open, or block")


def _unreachable(reading: Reading) -> None:
    """A rule about every site, or one that closes all others, leaves later ones for the same people without effect."""
    if reading.values.get("web.rules", WRONG) is WRONG:
        return
    last = ""
    for number, entry in enumerate(reading.value("web.rules")):
        if entry.verdict is Verdict.ALWAYS:
            continue
        path = f"web.rules[{number}]"
        if last:
            reading.report(reading.sources[path], f"a rule that never decides, after {last}", "rules that can decide")
        narrow = (*entry.roles, *entry.groups, *entry.users, *entry.rooms, *entry.networks, *entry.devices)
        sites = entry.verdict is not Verdict.ONLY and (*entry.categories, *entry.targets)
        if not narrow and not sites and entry.at_all_times:
            last = last or str(reading.sources[path])


WEB_CHECKS: tuple[Callable[[Reading], None], ...] = (_only_what, _unreachable)
