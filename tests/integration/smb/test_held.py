"""That the right to set limits is enough to hold an smbd at any moment, and no other right is.

Here root often lacks it, in containers; so the other tests hold an smbd at its sign-in only.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.smb.drives import CAPABILITIES
from tests.integration.support_place import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root maps the ids of others")


def held_with(right: str) -> str:
    program = [*("/usr/bin/python3", "-m", "tests.integration.smb.held"), str(CAPABILITIES[right])]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "map\n":
            process.wait()
            pytest.skip("no user namespace may be made here")
        for kind in ("uid", "gid"):
            Path(f"/proc/{process.pid}/{kind}_map").write_text("0 0 65536\n")
        said, _ = process.communicate("\n", timeout=30)
    return said.strip()


def test_with_the_right_to_set_limits_an_smbd_is_held_whoever_it_is_just_now() -> None:
    assert held_with("CAP_SYS_RESOURCE") == "4711 -1"


@pytest.mark.parametrize("right", ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])
def test_the_other_rights_do_not_suffice(right: str) -> None:
    assert held_with(right) == "not allowed"
