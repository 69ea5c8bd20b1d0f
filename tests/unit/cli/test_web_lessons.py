"""Lessons on the command line: what is asked for, what the carer reads."""

import json

BLOCK = {
    "number": 7,
    "measure": "block",
    "group": None,
    "room": "12",
    "targets": [],
    "since": "2026-11-23T09:50:00+01:00",
    "until": "2026-11-23T10:35:00+01:00",
    "by": "carer",
    "replaced": [],
    "pupils": None,
}
EXAM = {**BLOCK, "number": 8, "measure": "exam", "group": "klasse4b", "targets": ["example.org"], "pupils": 24}
OPEN = {**EXAM, "number": 9, "measure": "allow", "room": None}


def test_block_room(server, schoolserver):
    server.answers["web.block-room"] = BLOCK
    done = schoolserver("web", "block-room", "12", "--until", "10:35")
    assert server.asked == [("web.block-room", {"room": "12", "until": "10:35"})]
    assert done.output == "No web for pupils in room 12 until 2026-11-23 10:35.\n"


def test_exam_passes_on_all(server, schoolserver):
    server.answers["web.exam"] = EXAM
    argv = ("--allow", "example.org", "--allow", "example.net", "--room", "12", "--until", "10:35", "--as", "anna")
    done = schoolserver("web", "exam", "klasse4b", *argv)
    asked = {"group": "klasse4b", "targets": ["example.org", "example.net"], "room": "12", "until": "10:35"}
    assert server.asked == [("web.exam", {**asked, "log_on": False, "as": "anna"})]
    assert done.output.splitlines() == [
        "klasse4b (24 pupils) writes an exam until 2026-11-23 10:35.",
        "Open on the web: example.org in room 12.",
    ]


def test_an_exam_without_sites_says_so(server, schoolserver):
    server.answers["web.exam"] = {**EXAM, "targets": [], "room": None, "replaced": [3]}
    done = schoolserver("web", "exam", "klasse4b", "--log-on", "--until", "10:35")
    assert server.asked == [("web.exam", {"group": "klasse4b", "targets": [], "log_on": True, "until": "10:35"})]
    assert "Open on the web: nothing.\n" in done.output
    assert "It takes the place of what was set before." in done.output


def test_allow(server, schoolserver):
    server.answers["web.allow"] = OPEN
    done = schoolserver("web", "allow", "klasse4b", "example.org", "--until", "10:35")
    assert server.asked == [("web.allow", {"whom": "klasse4b", "targets": ["example.org"], "until": "10:35"})]
    assert done.output == "example.org open to klasse4b until 2026-11-23 10:35.\n"
    server.answers["web.allow"] = {**OPEN, "exam": True}
    done = schoolserver("web", "allow", "klasse4b", "example.org", "--until", "10:35")
    assert "Not while its exam lasts: what is open then says web exam --allow." in done.output


def test_nothing_is_asked_for_without_an_end_or_a_site(server, schoolserver):
    assert schoolserver("web", "block-room", "12").exit_code == 2
    assert schoolserver("web", "allow", "12", "--until", "10:35").exit_code == 2
    assert schoolserver("web", "end").exit_code == 2
    assert schoolserver("web", "end", "12", "--number", "7").exit_code == 2
    assert server.asked == []


def test_end(server, schoolserver):
    server.answers["web.end"] = {"ended": [BLOCK, EXAM, {**OPEN, "group": None}]}
    done = schoolserver("web", "end", "12", "--as", "anna")
    assert server.asked == [("web.end", {"what": "12", "as": "anna"})]
    assert done.output.splitlines() == [
        "Ended: block for room 12.",
        "Ended: exam for klasse4b in room 12.",
        "Ended: allow for a group that is gone.",
    ]
    schoolserver("web", "end", "--number", "7")
    assert server.asked[-1] == ("web.end", {"number": "7"})


def test_list(server, schoolserver):
    server.answers["web.lessons"] = {"lessons": [BLOCK, EXAM]}
    lines = schoolserver("web", "lessons").output.splitlines()
    assert lines[1].split() == ["7", "block", "room", "12", "2026-11-23", "10:35", "carer"]
    assert lines[2].split()[:6] == ["8", "exam", "klasse4b", "in", "room", "12"]
    assert lines[-1] == "2 set for lessons"
    assert json.loads(schoolserver("web", "lessons", "--json").output) == {"lessons": [BLOCK, EXAM]}
