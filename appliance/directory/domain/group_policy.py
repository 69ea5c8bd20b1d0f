"""Keeping the school's group policy object in the domain: its entry, its files in sysvol, its link. Idempotent.

May live here: the order in which it is written. May not: what is in it (``group_policy_content``). The order: a mark
beside the domain's databases, then files, then GPT.INI, then the version in the directory, then the mark goes; what a
cut left half is written again with a higher version, so no PC keeps the half. It works on the databases themselves, as
root, before Samba runs and while it does. The object is the server's: changes of others to it do not stay. Other
objects are never touched; of a link, what the carer decided (switched off, enforced, its place) stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ldb
from samba.auth_util import system_session_unix
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.ntacls import dsacl2fsacl, getntacl, setntacl

from appliance.daemon.whole_file import sync_folder, write_candidate, write_whole
from appliance.directory.domain.group_policy_content import Content

GUID: Final = "{B7C4E0D1-5A0E-4C53-9B55-3D2F6C1E8A94}"
NAME: Final = "schoolserver"
_KNOWN: Final = ("Registry.pol", "Preferences/Drives/Drives.xml")
_HALF: Final = 0xFFFF  # the version of the machine's half are the lower 16 bits, of the user's the upper
_SECTIONS: Final = security.SECINFO_OWNER | security.SECINFO_GROUP | security.SECINFO_DACL
_SHARE: Final = "sysvol"
_MODE: Final = 0o770


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """The object in ``samdb`` (Samba's, of ``lp``), with its files below ``policies``; ``mark`` shows a cut.

    ``policies`` is the folder ``Policies`` of the domain ``domain`` in sysvol; ``accounts`` knows whose number it is.
    """

    samdb: Any
    lp: Any
    accounts: Any
    domain: str
    policies: Path
    mark: Path

    def keep(self, machine: Content, user: Content) -> bool:
        """Bring the object to this content; tell whether anything had to be done."""
        halves = {"MACHINE": machine, "USER": user}
        entry = self._entry() or self._make_entry()
        changed = [self._differs(name, half, entry) for name, half in halves.items()]
        version, file_version = _number(entry, "versionNumber"), self._file_version()
        if self.mark.exists() or version != file_version:
            changed = [True, True]
        if any(changed):
            write_whole(self.mark, b"", 0o600)
            self._write_files(halves)
            version = _next(max(version, file_version), *changed)
            self._write(self._folder / "GPT.INI", f"[General]\r\nVersion={version}\r\n".encode())
            self._write_entry(entry, machine, user, version)
            self.mark.unlink()
            sync_folder(self.mark.parent)
        guarded, linked = self._guard(), self._link()
        return any(changed) or guarded or linked

    @property
    def _folder(self) -> Path:
        return self.policies / GUID

    @property
    def _dn(self) -> str:
        return f"CN={GUID},CN=Policies,CN=System,{self.samdb.domain_dn()}"

    def _entry(self) -> Any:
        try:
            found = self.samdb.search(self._dn, ldb.SCOPE_BASE, attrs=["*", "nTSecurityDescriptor"])
        except ldb.LdbError as error:
            if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
                return None
            raise
        return found[0]

    def _make_entry(self) -> Any:
        self.samdb.transaction_start()
        try:
            self.samdb.add({"dn": self._dn, "objectClass": "groupPolicyContainer"})
            for half in ("Machine", "User"):
                self.samdb.add({"dn": f"CN={half},{self._dn}", "objectClass": "container"})
        except BaseException:
            self.samdb.transaction_cancel()
            raise
        self.samdb.transaction_commit()
        return self._entry()

    def _differs(self, name: str, half: Content, entry: Any) -> bool:
        folder = self._folder / name
        wanted: dict[str, bytes | None] = dict.fromkeys(_KNOWN) | dict(half.files)
        attribute = f"gPC{name.capitalize()}ExtensionNames"
        return _text(entry, attribute) != half.extensions or any(
            _content(folder / path) != data for path, data in wanted.items()
        )

    def _write_files(self, halves: dict[str, Content]) -> None:
        for name, half in halves.items():
            (self._folder / name).mkdir(parents=True, exist_ok=True)
            for path in _KNOWN:
                place = self._folder / name / path
                if path in half.files:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    self._write(place, half.files[path])
                else:
                    place.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        """Put ``data`` there whole, never readable with other rights than it is to have."""
        if _content(path) == data:
            return
        candidate = write_candidate(path, data, 0o600)
        self._set_rights(candidate, self._rights())
        candidate.rename(path)
        sync_folder(path.parent)

    def _file_version(self) -> int:
        text = (_content(self._folder / "GPT.INI") or b"").decode("latin-1")
        found = re.search(r"^\s*version\s*=\s*(\d+)", text, re.IGNORECASE | re.MULTILINE)
        return int(found[1]) if found else 0

    def _write_entry(self, entry: Any, machine: Content, user: Content, version: int) -> None:
        wanted = {
            "displayName": NAME,
            "gPCFileSysPath": rf"\\{self.domain}\sysvol\{self.domain}\Policies\{GUID}",
            "gPCFunctionalityVersion": "2",
            "flags": _text(entry, "flags") or "0",  # a carer may switch off one half, or the whole
            "gPCMachineExtensionNames": machine.extensions,
            "gPCUserExtensionNames": user.extensions,
            "versionNumber": str(version),
        }
        message = ldb.Message(ldb.Dn(self.samdb, self._dn))
        for name, value in wanted.items():
            if _text(entry, name) != value:
                message[name] = ldb.MessageElement([value] if value else [], ldb.FLAG_MOD_REPLACE, name)
        self.samdb.modify(message)

    def _rights(self) -> str:
        """Return the rights of the files (SDDL): whoever may read or write the entry may the same with them."""
        raw = self.samdb.search(
            self._dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=[f"sd_flags:1:{_SECTIONS}"]
        )[0]["nTSecurityDescriptor"][0]
        sid = security.dom_sid(self.samdb.get_domain_sid())
        rights: str = dsacl2fsacl(ndr_unpack(security.descriptor, raw).as_sddl(sid), sid)
        return rights

    def _guard(self) -> bool:
        """Give every file and folder of the object its rights, as ``samba-tool ntacl sysvolcheck`` wants them."""
        rights, changed = self._rights(), False
        for path in (self._folder, *sorted(self._folder.rglob("*"))):
            if not self._guarded(path, rights):
                self._set_rights(path, rights)
                changed = True
        return changed

    def _guarded(self, path: Path, rights: str) -> bool:
        found = getntacl(self.lp, str(path), system_session_unix(), direct_db_access=False, service=_SHARE)
        sid = security.dom_sid(self.samdb.get_domain_sid())
        return found is not None and found.as_sddl(sid) == rights and path.stat().st_mode & _MODE == _MODE

    def _set_rights(self, path: Path, rights: str) -> None:
        """Give ``path`` its rights; the mode goes before: what its group may not, nobody on Samba's list may."""
        path.chmod(_MODE)
        sid = self.samdb.get_domain_sid()
        setntacl(
            self.lp,
            str(path),
            rights,
            sid,
            system_session_unix(),
            use_ntvfs=False,
            skip_invalid_chown=True,
            passdb=self.accounts,
            service=_SHARE,
        )

    def _link(self) -> bool:
        """Link the object to the domain, before all others: those have precedence over it ([MS-GPOL] 2.2.2)."""
        top = self.samdb.domain_dn()
        links = _text(self.samdb.search(top, ldb.SCOPE_BASE, attrs=["gPLink"])[0], "gPLink").strip()
        if GUID.lower() in links.lower():
            return False
        message = ldb.Message(ldb.Dn(self.samdb, top))
        message["gPLink"] = ldb.MessageElement(f"[LDAP://{self._dn};0]{links}", ldb.FLAG_MOD_REPLACE, "gPLink")
        self.samdb.modify(message)
        return True


def _next(version: int, machine: bool, user: bool) -> int:
    """Return the version after ``version``; a half that has no higher number left begins again with 1."""
    low, high = version & _HALF, version >> 16 & _HALF
    low, high = (low % _HALF + 1 if machine else low), (high % _HALF + 1 if user else high)
    return high << 16 | low


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _text(entry: Any, attribute: str) -> str:
    return str(entry[attribute][0]) if attribute in entry else ""


def _number(entry: Any, attribute: str) -> int:
    return int(_text(entry, attribute) or 0)
