"""The verb that has keytabs written: who may ask, and where there is no domain whose keys could be written."""

import os

import pytest

from tests.integration.privileged.test_service import SUPERVISOR, asked_by, path_of
from tests.integration.support_place import Place, placed

KEEP = b'{"id":1,"verb":"keytabs-keep","arguments":{}}\n'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs other users")


@pytest.mark.parametrize(
    ("kind", "told"), [("slapd", b'"not-possible"'), ("domain", b'"try-later","text":"no domain is made yet"')]
)
def test_where_there_is_no_domain(kind, told):
    with placed(Place, {"directory": {"kind": kind}}, ("privileged",)) as place:
        place.start()
        assert told in asked_by(SUPERVISOR, SUPERVISOR, path_of(place), KEEP)
        for uid in (0, 60806, 65534):
            assert b"not-allowed" in asked_by(uid, SUPERVISOR, path_of(place), KEEP)
        more = KEEP.replace(b"{}", b'{"path":"/etc/krb5.keytab"}')
        assert b"bad-argument" in asked_by(SUPERVISOR, SUPERVISOR, path_of(place), more)
        assert not list(place.state.rglob("*.keytab"))
