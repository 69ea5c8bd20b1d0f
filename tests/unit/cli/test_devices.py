"""Devices on the command line: what is asked for, what the carer reads."""

import json

FRED, PHONE = "fred.mustermann", "10.1.40.7"
LISTED = {
    "address": PHONE,
    "login": FRED,
    "since": "2026-11-23T09:30:00+01:00",
    "until": "2026-11-23T16:00:00+01:00",
    "by": "carer",
}


def test_bind_passes_on_all(server, schoolserver):
    server.answers["devices.bind"] = {"address": PHONE, "login": FRED, "former": None}
    done = schoolserver("devices", "bind", "::ffff:10.1.40.7", FRED, "--until", "2026-11-23 16:00")
    assert server.asked == [
        ("devices.bind", {"address": "::ffff:10.1.40.7", "login": FRED, "until": "2026-11-23 16:00"})
    ]
    assert done.output == "10.1.40.7 is a device of fred.mustermann until 2026-11-23 16:00.\n"


def test_bind_says_from_whom_the_address_was_taken(server, schoolserver):
    server.answers["devices.bind"] = {"address": PHONE, "login": FRED, "former": "anna.lehmann"}
    done = schoolserver("devices", "bind", PHONE, FRED, "--until", "2026-11-23")
    assert "Note: it was one of anna.lehmann until now." in done.output


def test_a_session_without_an_end_is_not_asked_for(server, schoolserver):
    assert schoolserver("devices", "bind", PHONE, FRED).exit_code == 2
    assert server.asked == []


def test_release(server, schoolserver):
    server.answers["devices.release"] = {"address": PHONE, "login": FRED}
    assert schoolserver("devices", "release", PHONE).output == "10.1.40.7 is nobody's device again.\n"
    assert server.asked == [("devices.release", {"address": PHONE})]


def test_list(server, schoolserver):
    server.answers["devices.list"] = {"devices": [LISTED]}
    lines = schoolserver("devices", "list").output.splitlines()
    assert lines[1].split() == [PHONE, FRED, "2026-11-23", "09:30", "2026-11-23", "16:00", "carer"]
    assert lines[-1] == "1 devices"
    assert json.loads(schoolserver("devices", "list", "--json").output) == {"devices": [LISTED]}
