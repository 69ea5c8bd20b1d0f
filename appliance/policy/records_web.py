"""How the rules about sites are written as JSON values in a snapshot and read again: from format 5 on.

May live here: one writer and one reader, side by side. May not: the file as a whole (``snapshot``), meanings. Sets are
sorted, so that equal values give equal text. The reader raises as those of ``records`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from appliance.policy.records_mail import read_who, write_who
from appliance.policy.records_schedule import read_schedule, write_schedule
from appliance.policy.values import array, text
from appliance.policy.web import Verdict, WebRule


def write_web(rule: WebRule) -> dict[str, Any]:
    """Give all of a rule."""
    return {
        "source": rule.source,
        "text": rule.text,
        "who": write_who(rule.who),
        "verdict": rule.verdict,
        "categories": sorted(rule.categories),
        "targets": sorted(rule.targets),
        "rooms": sorted(rule.rooms),
        "networks": [str(network) for network in rule.networks],
        "devices": sorted(rule.devices),
        "schedule": None if rule.schedule is None else write_schedule(rule.schedule),
    }


def read_web(record: Mapping[str, Any]) -> WebRule:
    """Read a rule."""
    schedule = record["schedule"]
    return WebRule(
        source=text(record["source"]),
        who=read_who(record["who"]),
        verdict=Verdict(record["verdict"]),
        categories=_texts(record["categories"]),
        targets=_texts(record["targets"]),
        rooms=_texts(record["rooms"]),
        networks=tuple(ip_network(text(network)) for network in array(record["networks"])),
        devices=_texts(record["devices"]),
        schedule=None if schedule is None else read_schedule(schedule),
        text=text(record["text"]),
    )


def _texts(value: Any) -> frozenset[str]:
    return frozenset(map(text, array(value)))
