"""Whatever is sent: no worker ends, nothing is left open, no fault of ours shows in the log, and others are served."""

import contextlib
import os
import time

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.fuzz import play
from tests.integration.proxy.load import descriptors
from tests.integration.proxy.wire import open_tunnel

FAULTS = ("broke", "could not", "cannot go on", "Traceback", "worker 0 ended", "worker 1 ended", "a call failed")


@pytest.mark.parametrize(
    ("first", "seconds"),
    [
        (1, 8),
        pytest.param(int(os.environ.get("SEED", "1000000")), 600, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
    ids=["short", "long"],
)
def test_bytes_of_any_kind(outside, first, seconds):
    """Always the same seeds in the same order; how many are played depends on the machine."""
    workers, lines = outside.proxy.children(), len(outside.log.read_text())
    before = sum(map(descriptors, workers))
    end, seed = time.monotonic() + seconds, first
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            play(outside, seed)
        seed += 1
        assert outside.proxy.children() == workers, f"a worker ended by seed {seed - 1} or one before"
    with contextlib.suppress(TimeoutError):
        outside.raw.settimeout(0.1)
        while True:  # what was never taken in
            outside.raw.accept()[0].close()
    outside.raw.settimeout(15.0)
    eventually(lambda: sum(map(descriptors, workers)) <= before + 8)
    said = outside.log.read_text()[lines:]
    assert [fault for fault in FAULTS if fault in said] == [], said[-3000:]
    assert seed - first > 100
    with open_tunnel(outside) as (client, origin):
        client.sendall(b"still")
        assert origin.recv(5) == b"still"
