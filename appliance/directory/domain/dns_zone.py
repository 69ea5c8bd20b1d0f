"""Keeping the server's records in the zones of the domain, which lie in its databases. Idempotent.

May live here: reading and writing zones, and the note of what is ours. May not: which records (``dns_records``). The
note is written before the zones, with what was and what will be, and again after them: whatever a cut leaves, each of
our records is in it, and none of a carer's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import ldb
from samba.dcerpc import dnsp, security
from samba.ndr import ndr_pack, ndr_unpack

from appliance.daemon.whole_file import write_whole
from appliance.directory.domain.dns_records import merged
from appliance.settings.mail_offers import Record

_PARTITIONS: Final = ("DomainDnsZones", "ForestDnsZones")
_KINDS: Final = {dnsp.DNS_TYPE_A: "A", dnsp.DNS_TYPE_AAAA: "AAAA", dnsp.DNS_TYPE_SRV: "SRV"}
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}
_RIGHTS: Final = "nTSecurityDescriptor"
_LIST_ONLY: Final = f"sd_flags:1:{security.SECINFO_DACL}"
_ANYBODY_ADDS: Final = re.compile(r"\(A;[A-Z]*;CC;;;AU\)")
_LIFE: Final = 600  # seconds that others may remember a record

Records = Mapping[str, frozenset[Record]]
"""Records by name, in lower case and without a dot at its end."""


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones in ``samdb``; ``note`` is the file that says what was written there."""

    samdb: Any
    note: Path

    def keep(self, wanted: Records, own: str, shared: frozenset[str]) -> bool:
        """Bring the records to ``wanted``; tell whether anything had to be done.

        ``own`` is the server's name: what is there on the first time is taken for ours, at all ``shared`` names.
        """
        noted = self._noted()
        first = frozenset() if own in noted else self._present(own)
        before = {name: noted.get(name, first if name in shared else frozenset()) for name in {*wanted, *noted}}
        present = {name: self._present(name) for name in before}
        after = {
            name: merged(present[name], ours, wanted.get(name, frozenset()), shared=name in shared)
            for name, ours in before.items()
        }
        changes = {name: records for name, records in after.items() if records != present[name]}
        if changes:
            self._write_note({name: before[name] | wanted.get(name, frozenset()) for name in before})
            for name, records in sorted(changes.items()):
                self._write(name, present[name], records)
        if changes or noted != wanted:
            self._write_note(wanted)
        return bool(changes)

    def guard(self) -> bool:
        """Let PCs add their names, as they do by themselves, and no person; tell whether that had to be done.

        Samba lets everybody who can sign in add names to a zone: a pupil could put his notebook where others look for
        a printer, or at ``*``.
        """
        sid = security.dom_sid(self.samdb.get_domain_sid())
        changed = False
        for _name, zone in self._zones():
            found = self.samdb.search(zone, ldb.SCOPE_BASE, attrs=[_RIGHTS], controls=[_LIST_ONLY])
            rights = ndr_unpack(security.descriptor, found[0][_RIGHTS][0]).as_sddl(sid)
            fitting = _ANYBODY_ADDS.sub(f"(A;;CC;;;{sid}-{security.DOMAIN_RID_DOMAIN_MEMBERS})", rights)
            if fitting != rights:
                message = ldb.Message(ldb.Dn(self.samdb, zone))
                packed = ndr_pack(security.descriptor.from_sddl(fitting, sid))
                message[_RIGHTS] = ldb.MessageElement(packed, ldb.FLAG_MOD_REPLACE, _RIGHTS)
                self.samdb.modify(message, controls=[_LIST_ONLY])
                changed = True
        return changed

    def _noted(self) -> dict[str, frozenset[Record]]:
        try:
            kept = json.loads(self.note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {name: frozenset(Record(kind, data) for kind, data in records) for name, records in kept.items()}

    def _write_note(self, records: Records) -> None:
        plain = {name: sorted((one.kind, one.data) for one in some) for name, some in sorted(records.items())}
        write_whole(self.note, json.dumps(plain, indent=1).encode(), 0o600)

    def _present(self, name: str) -> frozenset[Record]:
        return frozenset(_record(one) for one in self._stored(name) or () if one.wType in _KINDS)

    def _stored(self, name: str) -> list[Any] | None:
        """Return the records of every kind at ``name``; ``None`` where there is no entry for it."""
        try:
            found = self.samdb.search(self._dn(name), ldb.SCOPE_BASE, attrs=["dnsRecord"])[0]
        except ldb.LdbError as error:
            if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
                return None
            raise
        return [ndr_unpack(dnsp.DnssrvRpcRecord, bytes(raw)) for raw in found.get("dnsRecord", ())]

    def _write(self, name: str, before: frozenset[Record], after: frozenset[Record]) -> None:
        """Change the records at ``name`` from ``before`` to ``after``; those of other kinds stay."""
        dn, stored = self._dn(name), self._stored(name)
        stay = [
            one
            for one in stored or ()
            if one.wType != dnsp.DNS_TYPE_TOMBSTONE and (one.wType not in _KINDS or _record(one) in after)
        ]
        packed = [ndr_pack(one) for one in (*stay, *map(_packed, sorted(after - before)))]
        if stored is None:
            self.samdb.add({"dn": str(dn), "objectClass": "dnsNode", "dnsRecord": packed})
        elif packed:
            message = ldb.Message(dn)
            message["dnsRecord"] = ldb.MessageElement(packed, ldb.FLAG_MOD_REPLACE, "dnsRecord")
            message["dNSTombstoned"] = ldb.MessageElement("FALSE", ldb.FLAG_MOD_REPLACE, "dNSTombstoned")
            self.samdb.modify(message)
        else:
            self.samdb.delete(dn)

    def _dn(self, name: str) -> Any:
        """Return the entry of ``name`` in the nearest zone that there is."""
        zones = {zone.lower(): dn for zone, dn in self._zones()}
        zone = max((zone for zone in zones if f".{name.lower()}".endswith(f".{zone}")), key=len)
        rest = name[: -len(zone)].rstrip(".") or "@"
        dn = ldb.Dn(self.samdb, f"DC=x,{zones[zone]}")
        dn.set_component(0, "DC", rest)
        return dn

    def _zones(self) -> list[tuple[str, str]]:
        found = []
        for partition in _PARTITIONS:
            top = f"CN=MicrosoftDNS,DC={partition},{self.samdb.get_root_basedn()}"
            for entry in self.samdb.search(top, ldb.SCOPE_ONELEVEL, "(objectClass=dnsZone)", ["dc"]):
                found.append((str(entry["dc"][0]), str(entry.dn)))
        return found


def _record(stored: Any) -> Record:
    kind, data = _KINDS[stored.wType], stored.data
    if kind != "SRV":
        return Record(kind, str(ip_address(data)))  # Samba writes IPv6 out in full
    host = data.nameTarget.rstrip(".").lower() or "."
    return Record(kind, f"{data.wPriority} {data.wWeight} {data.wPort} {host}")


def _packed(record: Record) -> Any:
    new = dnsp.DnssrvRpcRecord()
    new.wType = _NUMBERS[record.kind]
    new.rank, new.dwSerial, new.dwTtlSeconds = dnsp.DNS_RANK_ZONE, 1, _LIFE
    if record.kind != "SRV":
        new.data = record.data
        return new
    place = dnsp.srv()
    priority, weight, port, place.nameTarget = record.data.split()
    place.wPriority, place.wWeight, place.wPort = int(priority), int(weight), int(port)
    new.data = place
    return new
