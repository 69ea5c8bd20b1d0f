"""The power goes while mail and uploads run: what was accepted is there afterwards, and nobody has to do anything.

The moments are random, from a seed that is printed; the disk loses what was not synced (see ``box.disk``).
"""

import os
import random

import pytest

from tests.school.box.load import loads
from tests.school.box.school import School

SEED = int(os.environ.get("SCHOOL_SEED", "20261121"))
_FRED = '"$FRED_LOGIN" "$FRED_PASSWORD"'


@pytest.mark.parametrize("number", range(20))
def test_what_was_accepted_survives_a_power_cut(at_school: School, number: int) -> None:
    """K07: data are safe once the server has said so."""
    _cut(at_school, random.Random(f"{SEED}-{number}"))


@pytest.mark.soak
@pytest.mark.parametrize("number", range(20, 100))
def test_what_was_accepted_survives_many_power_cuts(at_school: School, number: int) -> None:
    """The same, at more moments."""
    _cut(at_school, random.Random(f"{SEED}-{number}"))


def _cut(at_school: School, chance: random.Random) -> None:
    with loads(at_school.pc, f"mails {_FRED} emma.jaeger@schule.example", f"files {_FRED} /Home") as (mails, files):
        mails.until("accepted", chance.randint(1, 20))
        files.until("stored", chance.randint(1, 5))
        mails.until("accepted", chance.randint(1, 5))
        at_school.server.cut_power()
        at_school.server.boot()
        at_school.well()
        for load in (mails, files):
            load.end()
    accepted = {words[0] for words in mails.all("accepted")}
    assert accepted <= set(at_school.inbox("EMMA")), f"seed {SEED}: accepted mail is lost"
    there = at_school.digests("FRED", "/Home")
    lost = [name for name, digest in files.all("stored") if there.get(name) != digest]
    assert not lost, f"seed {SEED}: stored files are lost or changed"
    at_school.play("""
        server# systemctl --failed --no-legend
        ! *
        server# dpkg --audit
        ! *
        server# schoolserver check
        pc$ lftp -u "$FRED_LOGIN,$FRED_PASSWORD" -e 'set ftp:ssl-force true; glob rm /Home/*.bin; bye' \
            server.schule.example
    """)
