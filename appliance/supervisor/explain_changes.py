"""What would have to change for another answer than no: the line to change or the command, never a guess.

May live here: from a refusal to what stands against it. May not: deciding, whether a change would be wise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.policy.account import GroupKind, Role, Service
from appliance.policy.decision import Deny, Reason
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.owners import plain
from appliance.policy.request import Request
from appliance.policy.snapshot import Snapshot
from appliance.policy.targets import host_of

_ANY: Final[Mapping[Reason, str]] = {
    Reason.UNKNOWN_ACCOUNT: "the directory would have to know the account: schoolserver users import",
    Reason.DISABLED: "the account would have to be enabled in the directory",
    Reason.LOCKED: "the lock would have to end: schoolserver users unlock {login}",
    Reason.MUST_CHANGE: "the one-time password would have to be changed by whoever got it",
    Reason.CONSENT_MISSING: "the consent would have to be given (schoolserver users consent {login}), or not "
    "asked for (access.yaml: consents)",
    Reason.OWNER_CHANGED: "the device would have to be bound to the account: schoolserver devices bind",
    Reason.TOO_LARGE: "the limit would have to be higher: access.yaml limits, or schoolserver limits allow",
}
_SITE: Final = "an allow rule for the site would have to stand before it in web.yaml, or the site in web.yaml: always"


def changes(denied: Deny, request: Request, snapshot: Snapshot) -> tuple[str, ...]:
    """Give what would have to change in what decided, each in a sentence; every one of them is enough by itself."""
    source = denied.rule.source
    if denied.reason in _ANY:
        return (_ANY[denied.reason].format(login=request.login or "LOGIN"),)
    if denied.reason in (Reason.LESSON, Reason.EXAM):
        lesson = next((one for one in snapshot.lessons if source == f"state lesson {one.number}"), None)
        return () if lesson is None else _of_lesson(lesson, request)
    if denied.reason is Reason.CLOSED_CATEGORY:
        lists = "or the lists the site (web.yaml: lists.own, lists.without)"
        return (f"{source} would have to leave out the category, {lists}", _SITE, *_for_a_while(request, snapshot))
    if denied.reason is Reason.CLOSED_SITE and _is_web(source):
        return (f"{source} would have to name the site, or not", _SITE, *_for_a_while(request, snapshot))
    if denied.reason is Reason.NOT_OPEN and _is_web(source):
        people = f"{source} would have to be about other people, places or times"
        return (people, _SITE, *_for_a_while(request, snapshot))
    if denied.reason is Reason.NOT_OPEN and source == "default":
        return (f"a rule in access.yaml would have to open {request.service}",)
    if denied.reason is Reason.NOT_OPEN:
        return (f"{source} would have to be about other people, places or times, or an allow rule to stand before it",)
    return ()


def _of_lesson(lesson: Lesson, request: Request) -> tuple[str, ...]:
    """Who may set a measure may end it, whoever has set it (``policy.leading``)."""
    where = f"in room {lesson.room} (web.yaml: lessons.rooms)"
    teacher = f"a teacher of {lesson.group}" if lesson.group else f"a teacher who may do so {where}"
    if lesson.group and lesson.room:
        teacher += f" who may do so {where}"
    command = f"schoolserver web end --number {lesson.number}"
    end = f"it would have to end: {command} (by a carer, or with --as by {teacher} or an administrator)"
    if lesson.measure is Measure.BLOCK:
        return (end, f"the site would have to be opened there: schoolserver web allow {lesson.room} SITE --until TIME")
    again = f"schoolserver web exam {lesson.group}"
    if request.service is Service.WEB:
        room = f" --room {lesson.room}" if lesson.room else ""
        return (end, f"the exam would have to be set anew with the site: {again} --allow SITE{room} --until TIME")
    if request.service is Service.PC:
        return (end, f"the exam would have to be set anew with log-on: {again} --log-on --until TIME")
    return (end,)


def _for_a_while(request: Request, snapshot: Snapshot) -> tuple[str, ...]:
    """What is opened for lessons is opened to pupils, by name."""
    account, host = snapshot.accounts.get(request.login), host_of(request.target)
    if account is None or account.role is not Role.PUPIL or not account.groups or not host or plain(host) is not None:
        return ()
    classes = {one.name for one in snapshot.groups.values() if one.kind is GroupKind.CLASS}
    group = min(account.groups, key=lambda name: name not in classes)
    return (f"the site would have to be opened for a lesson: schoolserver web allow {group} {host} --until TIME",)


def _is_web(source: str) -> bool:
    return source.startswith("web.yaml")
