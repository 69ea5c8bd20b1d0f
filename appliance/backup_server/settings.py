"""What the carer of the backup server may set: ``/etc/schoolserver-backup-server.conf``, and what is true without it.

May live here: the table of options and reading the file. May not: acting on them.
"""

from __future__ import annotations

import configparser
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path("/etc/schoolserver-backup-server.conf")


class SettingsError(ValueError):
    """The file cannot be used; the text names file, section, key and reason."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``folder``: of all copies; ``socket``: the committer's; of ``days``, ``weeks``, ``months`` a snapshot stays.

    ``dump_days``: how long a dump stays; ``mail_to``: who gets alarms; ``silent``: hours without a snapshot until there
    is one; ``least_free``: percent of the disk below which there is a warning.
    """

    folder: Path = Path("/srv/copies")
    socket: Path = Path("/run/schoolserver-backup-server/committer.sock")
    days: int = 7
    weeks: int = 4
    months: int = 12
    dump_days: int = 30
    mail_to: str = "root"
    silent: int = 36
    least_free: int = 10


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _path(text: str) -> Path:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("a path from the root on")
    return Path(text)


def _address(text: str) -> str:
    if (
        not text
        or not text.isascii()
        or not text.isprintable()
        or any(one in text for one in " ,;<>\"'|")
        or text[0] == "-"
    ):
        raise ValueError("one mail address, or a user of this machine")
    return text


_OPTIONS: Mapping[tuple[str, str], Callable[[str], Any]] = {
    ("store", "folder"): _path,
    ("store", "socket"): _path,
    ("keep", "days"): _number(1, 365),
    ("keep", "weeks"): _number(0, 520),
    ("keep", "months"): _number(0, 120),
    ("keep", "dump_days"): _number(1, 365),
    ("alarm", "mail_to"): _address,
    ("alarm", "silent"): _number(1, 24 * 90),
    ("alarm", "least_free"): _number(0, 90),
}


def load(path: Path = FILE) -> Settings:
    """Read the file; without one all is as above. Raises :class:`SettingsError`."""
    parser = configparser.ConfigParser(interpolation=None, default_section="\0", strict=True)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeError, configparser.Error) as error:
        raise SettingsError(f"{path}: {error}") from error
    found: dict[str, Any] = {}
    for section in parser.sections():
        for key, text in parser.items(section):
            read = _OPTIONS.get((section, key))
            if read is None:
                raise SettingsError(f"{path}: [{section}] {key}: there is no such option{_nearest(section, key)}")
            try:
                found[key] = read(text)
            except ValueError as error:
                raise SettingsError(f"{path}: [{section}] {key}: {text!r} is not {error}") from error
    return Settings(**found)


def _nearest(section: str, key: str) -> str:
    known = {f"[{one}] {other}": None for one, other in _OPTIONS}
    found = difflib.get_close_matches(f"[{section}] {key}", known, 1)
    return f"; did you mean {found[0]}?" if found else ""
