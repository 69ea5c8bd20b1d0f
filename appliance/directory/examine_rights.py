"""What our services may do in a directory, and what it does by itself: found out by doing all of it once.

Nothing else tells the truth: OpenLDAP does not say what one may, and an AD's answer leaves out half. What is made here
has no role and no kind, so that a server that runs takes it for somebody else's, and is removed at once; what a cut
leaves behind is removed by the next run.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from appliance.daemon.secret import Secret
from appliance.directory.client import Directory, connect
from appliance.directory.dialect import Changes
from appliance.directory.errors import AlreadyExists, DirectoryRefused, NotFound
from appliance.directory.examine_contents import Finding
from appliance.directory.link import Link
from appliance.directory.names import child
from appliance.directory.records import Checked
from appliance.directory.schema import Field
from appliance.directory.whereabouts import Whereabouts
from appliance.policy.passwords import generate

if TYPE_CHECKING:
    from appliance.settings.directory import DirectorySettings
    from appliance.settings.load import Settings

NAME: Final = "schoolserver-check"
GROUP: Final = "schoolserver-checks"
WEAK: Final = {
    "of 7 characters": "Zk-7uBm",
    "without capital letters": "zk7-ubmatole",
    "without digits": "Zk-ubmatole",
    "without special characters": "Zk7ubmaTole",
    "that many people use": "Passwort-123",
    "that contain the login": "Schoolserver-Check-1",
}


def tried(places: Mapping[str, Whereabouts], links: Mapping[str, Link], settings: Settings) -> list[Finding]:
    """Do what ``supervisor`` and ``auth`` do, on an account and a group of our own; raises ``DirectoryUnavailable``."""
    with (
        contextlib.closing(connect(settings, "supervisor")) as supervisor,
        contextlib.closing(connect(settings, "auth")) as auth,
    ):
        return _Trial(places, links["supervisor"], supervisor, auth, settings.directory).run()


class _Trial:
    def __init__(
        self,
        places: Mapping[str, Whereabouts],
        link: Link,
        supervisor: Directory,
        auth: Directory,
        settings: DirectorySettings,
    ) -> None:
        self._where, self._writer = places["supervisor"], places["auth"].bind_name
        self._link, self._supervisor, self._auth, self._number = link, supervisor, auth, settings.id_last
        self._others = settings.kind != "slapd"  # to our own slapd nobody else writes passwords
        self._found: list[Finding] = []

    def run(self) -> list[Finding]:
        tree, schema = self._where.tree, self._where.dialect.schema
        self._group = child("cn", GROUP, tree.groups)
        self._account = child(schema.account_naming, NAME, tree.people)
        for name in (self._group, self._account):
            with contextlib.suppress(DirectoryRefused):
                self._link.delete(name)
        if self._may(f"add accounts in {tree.people}", self._add_account):
            self._change_account()
            self._set_passwords()
        if self._may(f"add groups in {tree.groups}", self._add_group):
            self._may(
                f"change members of groups in {tree.groups} ({schema[Field.MEMBER]})",
                lambda: self._link.modify(self._group, {schema[Field.MEMBER]: ("add", (self._account.encode(),))}),
            )
            self._may(f"remove groups from {tree.groups}", lambda: self._link.delete(self._group))
        if self._there():
            self._may(f"remove accounts from {tree.people}", lambda: self._link.delete(self._account))
        return self._found

    def _may(self, what: str, act: Callable[[], None], who: str = "") -> bool:
        """Try something and note that it may not be done, and why, once; whether it was."""
        try:
            act()
        except AlreadyExists as error:
            found = Finding(f"{self._where.tree.base}: {NAME} or the number {self._number} (id_last): {error}")
        except DirectoryRefused as error:
            found = Finding(f"bind_name: {who or self._where.bind_name} may not {what} ({str(error).strip()})")
        else:
            return True
        if found not in self._found:
            self._found.append(found)
        return False

    def _there(self) -> bool:
        with contextlib.suppress(NotFound):
            return any(self._link.search(self._account, "(objectClass=*)", ["1.1"], below=False))
        return False

    def _add_account(self) -> None:
        self._supervisor.create_account(
            login=NAME, uid=self._number, given_name="Schoolserver", surname="Check", role=None
        )

    def _add_group(self) -> None:
        self._supervisor.create_group(name=GROUP, kind=None, gid=self._number)

    def _change_account(self) -> None:
        schema = self._where.dialect.schema
        texts = {Field.GIVEN_NAME: "School", Field.SURNAME: "Server", Field.DISPLAY_NAME: "Server", Field.ROLE: ""}
        for field, text in texts.items():
            self._may_change(
                field, {name: ("replace", values) for name, values in schema.values({field: text}).items()}
            )
        for field in (Field.DISABLED, Field.LOG_ON):
            for on in (field is Field.DISABLED, field is not Field.DISABLED):
                self._may_change(field, self._switched(field, on))

    def _switched(self, field: Field, on: bool) -> Changes:
        dialect = self._where.dialect
        found = self._link.search(self._account, "(objectClass=*)", dialect.schema.names((field,)), below=False)
        return dialect.switch(field, on, next(found).attributes)

    def _may_change(self, field: Field, changes: Changes) -> None:
        if changes:
            what = f"change {self._where.dialect.schema[field]} in {self._where.tree.people}"
            self._may(what, lambda: self._link.modify(self._account, changes))

    def _set_passwords(self) -> None:
        chance = secrets.SystemRandom()
        first, second = (Secret(generate(chance, NAME)) for _ in range(2))
        what = f"set passwords in {self._where.tree.people}"
        if not self._may(what, lambda: self._auth.set_password(NAME, first, must_change=True), self._writer):
            return
        if self._auth.check(NAME, first) is not Checked.MUST_CHANGE:
            text = "a one-time password opens the directory without having to be changed (K03)"
            self._found.append(Finding(f"{text}: {_MUST_CHANGE[self._where.dialect.born_with_password]}"))
        if not self._may(what, lambda: self._auth.set_password(NAME, second, must_change=False), self._writer):
            return
        if self._auth.check(NAME, second) is not Checked.GOOD:
            self._found.append(Finding("a password that was set does not open the directory"))
        if self._auth.check(NAME, first) is not Checked.WRONG:
            self._found.append(Finding("an old password opens the directory for a while (old password allowed period)"))
        weak = [which for which, password in WEAK.items() if self._takes(Secret(password))]
        if weak and self._others:
            text = f"K02 not enforced: whoever sets a password elsewhere than here may choose one {', '.join(weak)}"
            self._found.append(Finding(text, grave=False))

    def _takes(self, password: Secret) -> bool:
        try:
            self._auth.set_password(NAME, password, must_change=False)
        except DirectoryRefused:
            return False
        return True


_MUST_CHANGE: Final = {
    True: "the account was not marked by pwdLastSet",
    False: "the overlay ppolicy has no default policy with pwdMustChange TRUE",
}
