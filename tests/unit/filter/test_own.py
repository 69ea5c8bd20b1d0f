"""The lists that come with the package: where they are from, and nothing in them that closes too much."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import appliance.filter
from appliance.settings.load import load

LISTS = sorted((Path(appliance.filter.__file__).with_name("own")).glob("*.list"))
LINE = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)+) +# \S.*")
LONGER = {
    "co.uk",
    "com.de",
    "googleusercontent.com",
    "google.com",
    "icloud.com",
    "archive.org",
    "microsoft.com",
    "bing.com",
}


def entries(path: Path) -> list[str]:
    body = path.read_text("ascii").partition("\n\n")[2]
    found = []
    for line in body.splitlines():
        if line and not line.startswith("# "):
            match = LINE.fullmatch(line)
            assert match, f"{path.name}: {line}"
            found.append(match[1])
    return found


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_list_says_where_it_is_from_and_as_of_when(path):
    head = " ".join(path.read_text("ascii").partition("\n\n")[0].replace("\n#", "").split())
    assert "From " in head or "from " in head
    assert re.search(r"As of 20\d\d-\d\d\.", head)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_line_is_a_domain_once_and_what_it_is(path):
    found = entries(path)
    assert found
    assert len(found) == len(set(found))
    assert not LONGER & set(found)
    above = {domain for domain in found for other in found if other != domain and other.endswith(f".{domain}")}
    assert not above, f"those below {above} are in the list already"


def test_pupils_do_not_get_past_the_filter_by_them(tmp_path):
    closed = load(tmp_path).web.blocked_categories
    assert {path.stem for path in LISTS} == {"anonymisers", "caches", "doh", "translators"}
    assert {path.stem for path in LISTS} <= set(closed["pupil"])
