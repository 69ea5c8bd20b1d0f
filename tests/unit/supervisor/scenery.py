"""A small school as directory and settings, for tests of what is made of them."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from appliance.directory.records import DirectoryAccount, DirectoryGroup, DirectoryState
from appliance.policy.account import GroupKind, Role
from appliance.settings.load import load

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
STAMP = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SETTINGS_FOLDER = Path(__file__).resolve().parents[3] / "etc" / "schoolserver"


@cache
def settings():
    return load(SETTINGS_FOLDER)


def settings_in(folder, **server):
    """The defaults, with everything below ``folder``."""
    places = {name: folder / name for name in ("state", "runtime", "data")}
    (folder / "runtime" / "snapshots").mkdir(parents=True, exist_ok=True)
    (folder / "state" / "supervisor").mkdir(parents=True, exist_ok=True)
    return replace(settings(), server=replace(settings().server, identity="same", **places, **server))


def account(login, uid, role=Role.PUPIL, **more):
    given, _, surname = login.partition(".")
    return DirectoryAccount(
        uuid=UUID(int=uid),
        login=login,
        uid=uid,
        given_name=given,
        surname=surname,
        display_name=f"{given} {surname}".title(),
        mail=f"{login}@schule.example",
        role=role,
        **{"password_changed_at": STAMP, **more},
    )


FRED = account("fred.mustermann", 20001, groups=("klasse3a",))
ANNA = account("anna.lehmann", 20002, Role.TEACHER, groups=("klasse3a", "kollegium"))
PROBE = account("schoolserver-probe", 20003, Role.STAFF, hidden=True)
GROUPS = (
    DirectoryGroup("klasse3a", GroupKind.CLASS, 20001, "3a", ("anna.lehmann", "fred.mustermann")),
    DirectoryGroup("kollegium", GroupKind.STAFF, 20002, "Kollegium", ("anna.lehmann",)),
)


def directory(*accounts, cookie="1", groups=GROUPS):
    return DirectoryState(accounts or (ANNA, FRED, PROBE), groups, cookie)
