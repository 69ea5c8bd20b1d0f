"""The page for the head, in both languages."""

import textwrap
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.backup.drill_report import About, page
from appliance.backup.drill_result import Result, Tried
from appliance.backup_server.faults import Fault
from appliance.daemon.texts import LANGUAGES, translator

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
WEEK = timedelta(days=7)
ABOUT = About("Grundschule am Park", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", signed=True)
WELL = Result(
    began=NOW - timedelta(hours=8),
    ended=NOW - timedelta(hours=7),
    snapshot="2026-11-22T013000",
    copies=23,
    tried={
        "pupil": Tried(5, 75),
        "teacher": Tried(5, 61),
        "office": Tried(0, 0),
        "groups": Tried(5, 80),
        "mailbox": Tried(1, 1312),
    },
    slices=(2,),
    files=51_234,
    bytes=48_123_456_789,
    dumped=True,
)
WORN = replace(WELL, faults={"homes": {"content": 2, "missing": 1}})
ALTERED = replace(WELL, faults={"homes": {"owner": 4}, "index": {"signature": 1}}, dumped=False)


def text(*found, language="en", about=ABOUT, now=NOW):
    return page(found, about, translator(language), now)


def flat(*found, **more):
    return " ".join(text(*found, **more).split())


def test_it_says_what_was_tried_and_that_nothing_was_found():
    said = flat(WELL, replace(WELL, began=WELL.began - WEEK))
    assert "The backup was tried on 2026-11-22. All that was tried came back" in said
    assert "the newest of 23" in said
    assert "pupils 5 chosen, 75 files and folders compared" in said
    assert "office not tried, there was nothing to be had" in said
    assert "one whole mailbox 1 chosen, 1 312 files" in said
    assert "read 51 234 files and folders (48.1 GB)" in said
    assert "part 3 of 4" in said
    assert "The last 2 drills, back to 2026-11-15, found nothing wrong." in said
    assert "WHAT TO DO Nothing." in said
    assert ABOUT.fingerprint in said


def test_a_worn_disk():
    said = flat(WORN, replace(WORN, began=WORN.began - WEEK), replace(WELL, began=WELL.began - 2 * WEEK))
    assert "NOT as it must be: 3 faults were found" in said
    assert "personal files 2: another content" in said
    assert "personal files 1: not there any more" in said
    assert "Faults have been found since 2026-11-15; how often in a row: 2." in said
    assert "on 2026-11-08, had found nothing wrong" in said
    assert "a disk there is failing" in said
    assert "was altered" not in said
    assert "Nothing. Please keep" not in said


def test_a_copy_that_was_altered():
    said = flat(ALTERED)
    assert "who has access to that machine" in said
    assert "not signed by the school's server" in said
    assert "cannot be restored" in said
    assert "a disk there is failing" not in said


def test_an_index_that_is_not_ours():
    said = flat(replace(WELL, tried={}, slices=(), files=0, bytes=0, dumped=False, faults={"index": {"signature": 1}}))
    assert "Nothing else was tried" in said
    assert "cannot be restored" not in said
    assert "table of contents 1: not signed by the school's server" in said


def test_a_drill_that_is_too_long_ago_is_no_proof():
    said = flat(WELL, now=NOW + 2 * WEEK)
    assert "This is too long ago" in said
    assert "schoolserver backup drill" in said
    assert "it is the proof" not in said


def test_a_signature_that_does_not_fit():
    assert "does NOT fit" in flat(WELL, about=replace(ABOUT, signed=False))


def test_before_the_first_drill():
    assert "never tried yet" in flat()
    assert "noch nie erprobt" in flat(language="de")


def test_in_german():
    said = flat(WORN, language="de")
    assert "BERICHT" not in said
    assert "Bericht über die Datensicherung: Grundschule am Park" in said
    assert "Die Sicherung wurde am 22.11.2026 erprobt und ist NICHT" in said
    assert "Schülerinnen und Schüler 5 ausgewählt, 75 Dateien" in said
    assert "persönliche Dateien 2: anderer Inhalt" in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("found", [WELL, WORN, ALTERED], ids=["well", "worn", "altered"])
def test_it_is_one_page(found, language):
    lines = text(found, replace(found, began=found.began - WEEK), language=language).splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 78
    assert textwrap.dedent("\n".join(lines)) == "\n".join(lines)


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_has_its_words_and_its_advice(fault):
    said = flat(replace(WELL, faults={"homes": {fault.value: 1}}))
    assert f"personal files 1: {fault.value} " not in said
    assert ("failing" in said) != ("was altered" in said)
