"""One town for all tests of the ways in."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.integration.ways.town import NAMES, PEOPLE, Town, eventually, start_town

POSSIBLE = os.geteuid() == 0 and shutil.which("nft") is not None


@pytest.fixture(scope="package")
def running_town() -> Iterator[Town]:
    if not POSSIBLE:
        pytest.skip("namespaces need root, and the rules nftables")
    with start_town() as town:
        yield town


@pytest.fixture
def town(running_town: Town) -> Iterator[Town]:
    """The town; what a test published is as it was, and the journal says nothing of anybody or of any site."""
    before = running_town.snapshot
    yield running_town
    if running_town.snapshot is not before:
        running_town.publish()
        eventually(running_town.is_nobodys)
    said = running_town.log.read_text()
    assert [
        word for word in (*PEOPLE, *NAMES, "9.9.9.", "2620:fe", "10.1.64", "10.1.12", "Traceback") if word in said
    ] == []
