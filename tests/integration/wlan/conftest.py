"""The four hosts, made once for each file of tests."""

import os
import shutil

import pytest

from tests.integration.wlan.networks import networks

POSSIBLE = os.geteuid() == 0 and shutil.which("nft") is not None


@pytest.fixture(scope="module")
def school():
    if not POSSIBLE:
        pytest.skip("namespaces need root, and the rules nftables")
    with networks() as made:
        yield made
