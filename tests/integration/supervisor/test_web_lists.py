"""Lists as the carer renews them, on a server that runs."""

import os

import pytest
import yaml
from click.testing import CliRunner

from appliance.cli.main import main
from appliance.daemon.identities import Identities
from appliance.filter import sources
from appliance.filter.index import Index
from appliance.filter.record import INDEX, folder_of
from tests.integration.support_place import placed
from tests.integration.support_school import ACCOUNTS, QUICK, School
from tests.unit.filter.support_lists import serving


@pytest.fixture(scope="module")
def site():
    with serving() as made:
        made.files["/games"] = b"spiele.example\n"
        yield made


def written(site, **more):
    source = {"url": f"{site.url}/games", "format": "domains", "categories": ["games"]}
    return {"blocked_categories": {"pupil": ["games"]}, "lists": {"sources": [source], **more}}


@pytest.fixture(scope="module")
def school(site):
    settings = {**QUICK, "web": written(site)}
    with placed(School, settings, (*ACCOUNTS, "proxy")) as made:
        folder = folder_of(made.state)
        folder.mkdir(parents=True)
        if os.geteuid() == 0:  # as the package makes it, but that here the supervisor itself does the work
            identities = Identities(made.settings.server)
            os.chown(folder, identities.of("supervisor").uid, identities.group("services"))
        folder.chmod(0o2750)
        made.start()
        yield made


def row(school):
    return next(check for check in school.call("status")["checks"] if check["name"] == "web lists")


def command(school, *words):
    return CliRunner(env={"SCHOOLSERVER_CONTROL": str(school.control)}).invoke(main, ["web", "lists", *words])


def index(school):
    return Index.open(folder_of(school.state) / INDEX)


def test_status_is_bad_until_the_carer_renews_them_and_says_how_they_stand(school, site):
    assert not row(school)["ok"]
    entries = 1 + sum(1 for _ in sources.shipped())
    done = command(school, "update")
    assert (done.exit_code, done.output.strip()) == (0, f"1 of 1 lists are renewed; {entries} entries are in force.")
    school.when(lambda: row(school)["ok"])
    shown = command(school)
    assert shown.exit_code == 0 and f"{entries} entries in 5 categories" in shown.output
    assert "games 1," in shown.output


def test_a_refused_list_is_told_with_its_reason(school, site):
    command(school, "update")
    site.files["/games"] = b"de\n"
    try:
        done = command(school, "update")
        assert done.exit_code == 1 and "1 were not; see: schoolserver web lists" in done.output
        assert "a public suffix" in school.call("web.lists")["lists"][0]["problem"]
        assert index(school).of("spiele.example") == {"games"}
    finally:
        site.files["/games"] = b"spiele.example\n"


def test_own_entries_come_into_force_with_a_reload(school, site):
    command(school, "update")
    school.write("web", yaml.safe_dump(written(site, own={"games": ["eigen.example"]})))
    warnings = school.call("settings.reload")["warnings"]
    assert any("being made anew" in warning for warning in warnings)
    school.when(lambda: index(school).of("www.eigen.example") == {"games"})
