"""The ``schoolserver`` command: its nouns and what stands in its first help page."""

from __future__ import annotations

from importlib.util import find_spec

import click

from appliance.cli.alerts import alerts
from appliance.cli.backup import backup
from appliance.cli.check import check
from appliance.cli.demo import demo
from appliance.cli.devices import devices
from appliance.cli.explain import explain
from appliance.cli.folders import folders
from appliance.cli.limits import limits
from appliance.cli.mail import mail
from appliance.cli.passwd import passwd
from appliance.cli.pcs import pcs
from appliance.cli.quota import quota
from appliance.cli.reload import reload
from appliance.cli.report import report
from appliance.cli.restore import restore
from appliance.cli.setup import setup
from appliance.cli.status import status
from appliance.cli.users import users
from appliance.cli.web import web
from appliance.cli.why import why


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """The school's server: accounts, mail, and who may use what.

    \b
    Every morning:      schoolserver status
    A new school year:  schoolserver users import schueler.csv --dry-run
    Forgotten password: schoolserver users reset-password fred.mustermann
    Misuse:             schoolserver users lock fred.mustermann --reason 'agreed with the head'
    "It says no":       schoolserver why 7KQF-2MXA

    Commands reach the server whose control socket SCHOOLSERVER_CONTROL names (default: the installed one).
    Exit codes: 0 done, 1 refused or not healthy, 2 wrong use or wrong settings.
    """


for command in (
    *(setup, status, users, pcs, devices, web, limits, quota, mail, folders, passwd, explain, why, check),
    *(reload, backup, restore, alerts, report),
    *((demo,) if find_spec("appliance.demo") else ()),  # an installed server has none
):
    main.add_command(command)
