"""The ledger of a running server: what writers add, what is counted on the disk, what outlives what."""

import os
import signal
from pathlib import Path

import pytest

from appliance.daemon.request_client import BlockingClient, RequestRefused
from appliance.usage.delta import Place
from appliance.usage.ledger import read_base
from appliance.usage.weight import LEAST

FRED, ANNA = "fred.mustermann", "anna.lehmann"


def put(school, path, size, login=None):
    file = school.folder / "data" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    if login is not None and os.geteuid() == 0:
        uid = school.call("users.show", login=login)["uid"]
        os.chown(file, uid, uid)
    return file


def used(school, login):
    shown = school.call("quota.show", login=login)
    return shown["mail"], shown["files"]


def test_what_services_add_is_there_at_once_and_a_count_makes_it_what_lies_there(school, writer):
    school.when(lambda: school.call("quota.show", login=FRED)["counted"])
    uid = school.call("users.show", login=FRED)["uid"]
    writer(Place.FILES).add(uid, 700)
    writer(Place.MAIL).add(uid, 30)
    school.when(lambda: used(school, FRED) == (30, 700))
    put(school, f"homes/{FRED}/essay.odt", 5_000, FRED)
    put(school, f"mail/{FRED}/new/1.M1P1.host,S=1234,W=1234", 1)
    if os.geteuid() == 0:
        put(school, "groups/klasse3a/poster.pdf", 80, FRED)
    counted = school.call("usage.reconcile")
    assert (counted["corrected"], counted["unsettled"]) == (1, 0)
    assert used(school, FRED) == (1_234, 5_000 + LEAST if os.geteuid() == 0 else 5_000)
    assert used(school, ANNA) == (0, 0)
    assert school.call("usage.reconcile")["corrected"] == 0


def test_it_outlives_supervisor_and_machine(school):
    before = used(school, FRED)
    assert before[0] > 0
    os.kill(school.worker("supervisor"), signal.SIGKILL)
    school.when(lambda: answered(school) == before)
    copy = school.folder / "state" / "supervisor" / "usage"
    sums = school.when(lambda: read_base(copy))
    assert [(entry.mail, entry.files) for entry in sums.values()] == [before]
    # A boot leaves nothing of the runtime folder; the copy is the base until the disk was counted.
    Path(school.folder / "runtime" / "usage" / "base" / "ledger").unlink()
    os.kill(school.worker("supervisor"), signal.SIGKILL)
    school.when(lambda: answered(school) == before)


def answered(school):
    try:
        return used(school, FRED)
    except Exception:  # not up again yet, in one of many ways
        return None


@pytest.mark.skipif(os.geteuid() != 0, reason="the server runs as the caller then")
def test_nobody_but_the_supervisor_has_the_disk_counted(school):
    client = BlockingClient(school.folder / "runtime" / "privileged" / "privileged.sock", 5.0)
    with pytest.raises(RequestRefused) as caught:
        client.call("usage-scan", logins=[FRED], groups=True)
    assert caught.value.kind == "not-allowed"
    client.close()
