"""What was copied to the second place comes back to its owner (K07), and to nobody else (K16)."""

import stat

import pytest

from appliance.supervisor.client import ServerRefused
from tests.integration.demo.waiting import eventually
from tests.integration.services.conftest import Visit
from tests.integration.services.driver import Direction, Outcome, said
from tests.integration.services.drivers_files import Ftp
from tests.integration.services.people import OWN
from tests.integration.support_school import School


def test_what_a_file_program_stored_is_restored_to_its_owner(school: School, visit: Visit) -> None:
    """Stored over FTP, copied over ssh, deleted over FTP, brought back: the same bytes, owner and mode."""
    if school.settings.backup.target is None:
        pytest.skip("who runs this has no shell, so sshd lets him in nowhere")
    login = OWN["ftp"]
    client = visit(Ftp, login)
    before = school.kept(login)
    said(client, client.move(Direction.UP, 50_000), Outcome.PASSED)
    (stored,) = map(school.settings.server.data.joinpath, school.kept(login).keys() - before.keys())
    owner, content = stored.stat(), stored.read_bytes()
    snapshot = _copied(school)
    client.delete(stored.name)
    assert not stored.exists()
    answer = school.call("restore", user=login, paths=[stored.name])
    came = school.home(login) / answer["folder"] / stored.name
    assert came.read_bytes() == content
    assert (came.stat().st_uid, came.stat().st_gid) == (owner.st_uid, owner.st_gid)
    assert stat.S_IMODE(came.stat().st_mode) == stat.S_IMODE(owner.st_mode)
    (event,) = eventually(lambda: school.events(kind="restored", login=login), what="it is recorded")
    assert (event["snapshot"], "by" in event, stored.name in str(event)) == (snapshot, True, False)


def test_the_copy_of_one_is_not_restored_to_another(school: School) -> None:
    with pytest.raises(ServerRefused):
        school.call("restore", user=OWN["web"], paths=[f"../{OWN['ftp']}"])


def _copied(school: School) -> str:
    """Make a copy, after the one that may be under way because none was made last night."""

    def copy() -> str | None:
        try:
            return school.call("backup.run")["snapshot"]
        except ServerRefused as refusal:
            assert refusal.kind == "busy", refusal
            return None

    return eventually(copy, what="a copy is made")
