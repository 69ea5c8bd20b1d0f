"""The way of a drill from the control socket to the second place and back, and what status and the report say of it."""

import pytest

from appliance.demo import sshd
from appliance.supervisor.drill_row import NAME
from tests.integration.support_place import ROOT, placed
from tests.integration.support_ports import free_port
from tests.integration.support_school import ACCOUNTS, QUICK, School

LOGIN = "fred.mustermann"


@pytest.fixture
def school():
    with (
        placed(School, {**QUICK, "backup": sshd.settings_for(free_port())}, ACCOUNTS) as made,
        sshd.second_place(made.folder, made.settings, ROOT) as copies,
    ):
        made.copies = copies
        made.start()
        made.data.joinpath("mail").mkdir()  # the mail service's, which does not run here
        made.take_in()
        yield made


def row(school):
    return next(check for check in school.call("status")["checks"] if check["name"] == NAME)


def test_drilled_told_and_red_when_a_fault_was_found(school):
    letter = school.data / "homes" / LOGIN / "letter"
    letter.write_bytes(b"words")
    snapshot = school.copies / school.call("backup.run")["snapshot"]
    assert row(school)["ok"]
    assert "no drill yet" in row(school)["text"]
    done = school.call("backup.drill")
    assert done["well"], done
    assert done["tried"]["pupil"][0] >= 1
    assert "found nothing wrong" in row(school)["text"]
    assert "All that was tried came back" in school.call("backup.report", language="en")["page"]
    stored = snapshot / "homes" / LOGIN / "letter"
    stored.chmod(0o600)
    stored.write_bytes(b"sword")
    done = school.call("backup.drill")
    assert not done["well"]
    assert done["faults"]["homes"]
    found = row(school)
    assert (found["ok"], "schoolserver backup report" in found["text"]) == (False, True)
    assert "NICHT" in school.call("backup.report", language="de")["page"]
    assert all(word not in log for word in ("letter", LOGIN) for log in school.logs().values())
