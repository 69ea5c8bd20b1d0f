"""From ``web.yaml`` as written to the rules that the policy decides with; each carries the line it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.daemon.options_reading import Source
from appliance.policy.access import Who
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules
from appliance.settings.rule_words import EVERYONE
from appliance.settings.school import School
from appliance.settings.web import SiteRule, Web


def compile_web(written: Web, school: School, source: Callable[[str], Source]) -> WebRules:
    """Make the policy's rules, in the order in which they are asked.

    ``source`` gives the place of a path such as ``web.rules[2]``.
    """
    rules = (_rule(entry, school, source(f"web.rules[{n}]")) for n, entry in enumerate(written.rules))
    return WebRules((*rules, *_of_domains(written, source), *_of_roles(written, source)))


def _rule(entry: SiteRule, school: School, source: Source) -> WebRule:
    return WebRule(
        source=str(source),
        who=entry.who,
        verdict=entry.verdict,
        categories=frozenset(entry.categories),
        targets=frozenset(entry.targets),
        rooms=frozenset(entry.rooms),
        networks=entry.networks,
        devices=frozenset(entry.devices),
        schedule=entry.schedule(school),
    )


def _of_domains(written: Web, source: Callable[[str], Source]) -> Iterator[WebRule]:
    if written.always:
        yield WebRule(str(source("web.always")), EVERYONE, Verdict.ALWAYS, targets=frozenset(written.always))


def _of_roles(written: Web, source: Callable[[str], Source]) -> Iterator[WebRule]:
    for role, closed in written.blocked_categories.items():
        if closed:
            who = Who(roles=frozenset({role}))
            yield WebRule(str(source("web.blocked_categories")), who, Verdict.BLOCK, categories=frozenset(closed))
