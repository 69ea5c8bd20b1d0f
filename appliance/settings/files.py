"""The table of files: name, section and heading. A new file is a new line here."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.daemon.options_render import render
from appliance.settings.access import AccessFile
from appliance.settings.accounts import Accounts
from appliance.settings.alerts import Alerts
from appliance.settings.auth import Auth
from appliance.settings.backup import BackupSettings
from appliance.settings.certificates import Certificates
from appliance.settings.directory import DirectorySettings
from appliance.settings.domain import DomainSettings
from appliance.settings.fileshare import Fileshare
from appliance.settings.mail import Mail
from appliance.settings.network import NetworkSettings
from appliance.settings.pcs import PcSettings
from appliance.settings.proxy import Proxy
from appliance.settings.quota import Quota
from appliance.settings.school import School
from appliance.settings.server import Server
from appliance.settings.web import Web

FILES: Mapping[str, type] = {
    "school": School,
    "server": Server,
    "network": NetworkSettings,
    "directory": DirectorySettings,
    "domain": DomainSettings,
    "pcs": PcSettings,
    "accounts": Accounts,
    "auth": Auth,
    "mail": Mail,
    "proxy": Proxy,
    "web": Web,
    "fileshare": Fileshare,
    "access": AccessFile,
    "backup": BackupSettings,
    "quota": Quota,
    "certificates": Certificates,
    "alerts": Alerts,
}
_HEADINGS = {
    "school": "The school: what it is called and its calendar.",
    "server": "The server: where it keeps things, as whom its parts run and how they are watched.",
    "network": "The network: where services listen and which networks the rooms have.",
    "directory": "The directory: where it is written who is who.",
    "domain": "The domain that PCs join, with a directory of kind domain.",
    "pcs": "The PCs of the domain: what Windows is told by group policy.",
    "accounts": "Accounts: how rosters are imported.",
    "auth": "Passwords: how patient the server is with wrong ones, over all services together.",
    "mail": "The mail service. Who may use it and how large a file may be stands in access.yaml.",
    "proxy": "The way to the internet. Who may use it and how much stands in access.yaml.",
    "web": "The web: which sites are open to whom, where and when. Who may use it at all stands in access.yaml.",
    "fileshare": "The file service. Who may use it and how large a file may be stands in access.yaml.",
    "backup": "The backup: the second machine, to which what changed is sent at night.",
    "access": "Access: which modules are open to whom, where and when, with which consents and limits.",
    "certificates": "Certificates: by which programs know this server. They act with: schoolserver setup.",
    "quota": "Quota: how much everyone may keep, mail and files together.",
    "alerts": "Alerts: whom the server tells when it is not well.",
}
_USE = (
    "Every option stands here with its default; what is removed keeps it. Sizes name their unit (20 MB, 20 MiB), "
    "durations too (10 s, 5 min, 2 h, 14 days). Check changes with: schoolserver check. "
    "They come into force with: schoolserver reload."
)


def default_files() -> dict[str, str]:
    """Give the commented default files: name (``school.yaml``) to text."""
    return {f"{name}.yaml": render(section, f"{_HEADINGS[name]} {_USE}") for name, section in FILES.items()}
