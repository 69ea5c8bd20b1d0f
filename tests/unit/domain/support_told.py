"""What a school's PCs are told, in the tests of it."""

from appliance.directory.domain.group_policy_content import Script, Told
from appliance.directory.domain.group_policy_drives import Drive, Members

STAFF = (Members(r"SCHULE\lehrer", "S-1-5-21-1-2-3-1105"), Members(r"SCHULE\buero & co", "S-1-5-21-1-2-3-1106"))
DRIVES = (
    Drive("H", r"\\server.schule.example\Home", "Home"),
    Drive("G", r"\\server.schule.example\Groups", "Groups"),
    Drive("S", r"\\server.schule.example\Staff", "Staff", STAFF),
)
TOLD = Told(
    proxy=Script('function FindProxyForURL(url, host) { return "HTTPS proxy.schule.example:3129"; }'),
    authority=b"a certificate",
    drives=DRIVES,
    cached_log_ons=0,
    lock_after=600,
)
