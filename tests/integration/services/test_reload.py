"""A reload is told the truth by each service, and ends no session."""

import pytest

from tests.integration.services.conftest import Visit
from tests.integration.services.driver import Driver
from tests.integration.services.people import OWN
from tests.integration.support_school import School


@pytest.mark.parametrize("part", ["mail", "fileshare", "proxy"])
def test_a_certificate_that_cannot_be_used_is_told_and_the_former_one_stays(school: School, part: str) -> None:
    key = school.settings.server.state / part / "tls" / "key.pem"
    before = key.read_bytes()
    try:
        key.write_bytes(b"no key\n")
        warnings = school.call("settings.reload")["warnings"]
    finally:
        key.write_bytes(before)
    assert warnings
    assert all(warning.startswith(f"{part} goes on with its former settings: worker 0: ") for warning in warnings)
    assert "the certificate stays as it was" in warnings[0]
    assert str(key.parent) in warnings[0]
    assert school.healthy()
    assert school.call("settings.reload")["warnings"] == []


def test_sessions_live_on(kind: type[Driver], visit: Visit, school: School) -> None:
    client = visit(kind, OWN[kind.name])
    assert school.call("settings.reload")["warnings"] == []
    assert client.open()
