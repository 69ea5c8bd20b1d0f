"""Drives.xml: the drives that Windows connects when somebody logs on ([MS-GPPREF], drive mappings). Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

_DRIVES: Final = "{8FDDCC1A-0C3C-43cd-A6B4-71A6DF20DA8C}"
_DRIVE: Final = "{935D1B74-9CB8-4e3c-9914-7DD559B7A417}"
_CHANGED: Final = "2026-01-01 00:00:00"  # asked for by the format; what did change, the version of the policy says
_SPACE: Final = uuid.UUID("5bd0bb3e-4b5f-49d4-9f0c-2a4f8f4ac3fb")


@dataclass(frozen=True, slots=True)
class Members:
    r"""Only members of the group ``name`` (``WORKGROUP\group``), whose security identifier is ``sid``."""

    name: str
    sid: str


@dataclass(frozen=True, slots=True)
class Drive:
    r"""The share ``path`` (``\\server\share``) as drive ``letter``; only for ``members`` of these, if any is named."""

    letter: str
    path: str
    label: str
    members: Sequence[Members] = ()


def drives_xml(drives: Sequence[Drive]) -> str:
    """Return the file that connects ``drives``, each as the same item at every writing."""
    items = "".join(map(_drive, drives))
    return f'<?xml version="1.0" encoding="utf-8"?>\r\n<Drives clsid="{_DRIVES}">\r\n{items}</Drives>\r\n'


def _drive(drive: Drive) -> str:
    """Replace (``R``) makes the drive anew, so that a former path does not stay; it does not outlive the log-on."""
    item = {
        "clsid": _DRIVE,
        "name": f"{drive.letter}:",
        "status": f"{drive.letter}:",
        "image": "1",
        "changed": _CHANGED,
        "uid": f"{{{str(uuid.uuid5(_SPACE, drive.letter)).upper()}}}",
        "bypassErrors": "1",
        "userContext": "1",
    }
    properties = {
        "action": "R",
        "thisDrive": "SHOW",
        "allDrives": "NOCHANGE",
        "userName": "",
        "path": drive.path,
        "label": drive.label,
        "persistent": "0",
        "useLetter": "1",
        "letter": drive.letter,
    }
    filters = "".join(_filter(number, group) for number, group in enumerate(drive.members))
    inner = f"<Filters>{filters}</Filters>" if filters else ""
    return f"<Drive {_attributes(item)}><Properties {_attributes(properties)}/>{inner}</Drive>\r\n"


def _filter(number: int, group: Members) -> str:
    """Return a condition: the first one must be joined by AND, the others are its alternatives."""
    condition = {
        "bool": "OR" if number else "AND",
        "not": "0",
        "name": group.name,
        "sid": group.sid,
        "userContext": "1",
        "primaryGroup": "0",
        "localGroup": "0",
    }
    return f"<FilterGroup {_attributes(condition)}/>"


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in values.items())
