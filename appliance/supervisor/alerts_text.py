"""What the carer reads: mails and the text at log-in, made of names and texts of units, probes and checks.

May live here: words. May not: when they are told (``alerts_rule``), how they travel (``alerts_mail``). They leave the
building and lie in mailboxes, so no person, address or file of anybody is in them: status has none, and the rest is
not taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from appliance.supervisor.alerts_rule import Patience, Troubles

OWN: Final = "alerts"
"""The row of status about alerts: that they cannot be sent is no reason to send one."""

_LONGEST = 200
_NAMES = 120


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to the carer: one line of ``subject``, and ``text`` with lines that end in a line feed."""

    subject: str
    text: str


def reds(status: Mapping[str, Any]) -> dict[str, str]:
    """Give what is red in the answer of the verb ``status``: name to text, in its order."""
    found = {f"unit {row['name']}": f"{row['state']} {row['status']}" for row in status["units"] if not row["ok"]}
    found |= {f"probe {row['name']}": row["text"] for row in status["probes"] if not row["ok"]}
    return found | {row["name"]: row["text"] for row in status["checks"] if not row["ok"] and row["name"] != OWN}


def not_well(school: str, red: Mapping[str, str], troubles: Troubles, now: datetime, patience: Patience) -> Letter:
    """Write that what is ``red`` is so for some time."""
    lines = [
        f"  {name}, for {_span(now - troubles[name].since)}: {_plain(text)}\n"
        for name, text in red.items()
        if name in troubles
    ]
    text = (
        f"The server of {school} is not well:\n\n{''.join(lines)}\n"
        "There, this tells more:  schoolserver status\n\n"
        f"While it goes on, this is told again every {_span(patience.repeat)}, and new trouble after "
        f"{_span(patience.after)} (alerts.yaml).\n"
    )
    return Letter(f"[{school}] not well: {_names(red)}", text)


def well_again(school: str, troubles: Troubles, now: datetime) -> Letter:
    """Write that all that was told is over."""
    lines = [
        f"  {name}, for {_span((trouble.well_since or now) - trouble.since)}\n"
        for name, trouble in troubles.items()
        if trouble.told_at is not None
    ]
    return Letter(f"[{school}] well again", f"The server of {school} is well again. It was not:\n\n{''.join(lines)}")


def noted(school: str, text: str) -> Letter:
    """Write one thing that has happened."""
    return Letter(f"[{school}] {_plain(text)}", f"The server of {school}: {_plain(text, 1000)}\n")


def tried(school: str) -> Letter:
    """Write that this is how alerts arrive."""
    return Letter(f"[{school}] trial", f"The server of {school} sends this to try whether alerts arrive. They do.\n")


def banner(red: Mapping[str, str], troubles: Troubles, now: datetime, problem: str | None) -> str:
    """Write what a log-in shows; empty when all is well. What is red for moments only is left out."""
    lasting = {name: text for name, text in red.items() if name in troubles and now - troubles[name].since >= _MOMENT}
    lines = []
    if lasting:
        longest = max(now - troubles[name].since for name in lasting)
        lines.append(f"schoolserver is NOT WELL for {_span(longest)}: {_names(lasting)}. See: schoolserver status\n")
    if problem is not None:
        lines.append(f"schoolserver: alerts cannot be sent: {_plain(problem)}\n")
    return "".join(lines)


_MOMENT = timedelta(minutes=1)


def _names(red: Mapping[str, str]) -> str:
    text = ", ".join(red)
    return text if len(text) <= _NAMES else f"{text[:_NAMES].rpartition(', ')[0]} and more"


def _plain(text: str, longest: int = _LONGEST) -> str:
    """Keep a text on one line and within bounds, whoever wrote it."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= longest else f"{line[:longest]} ..."


def _span(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for name, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds // size} {name if seconds != size or name != 'days' else 'day'}"
    return f"{seconds} s"
