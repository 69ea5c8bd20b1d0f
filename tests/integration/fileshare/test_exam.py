"""An exam over FTP: the folders of groups are gone within two seconds, Home is not, and on time they are back."""

from __future__ import annotations

import ftplib
import time
from datetime import UTC, datetime, timedelta

import pytest

from appliance.policy.lessons import Lesson, Measure
from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FRED, FRIDA, GINA, School, answer
from tests.integration.fileshare.test_files import get, put


def test_an_exam_leaves_the_home_alone_to_its_class(school: School) -> None:
    with school.ftp(FRED) as fred, school.ftp(GINA) as gina, school.ftp(FRIDA) as frida:
        put(fred, "/Groups/klasse3a/note", b"what is known")
        fred.cwd("/Groups/klasse3a")
        begun, now = time.monotonic(), datetime.now(UTC)
        school.publish(lessons=[Lesson(1, Measure.EXAM, now, now + timedelta(seconds=5), "klasse3a")])
        eventually(lambda: fred.nlst("/") == ["Home"], 2.0)
        assert time.monotonic() - begun < 2.0
        for path in ("note", "/Groups/klasse3a/note", "/Home/../Groups/klasse3a/note"):
            with pytest.raises(ftplib.error_perm, match="550"):
                get(fred, path)
        with pytest.raises(ftplib.error_perm, match="550"):
            put(fred, "/Groups/klasse3a/answer", b"for the others")
        put(fred, "/Home/answer", b"mine")
        assert answer(fred, "RNFR /Home/answer").startswith("350")
        assert answer(fred, "RNTO /Groups/klasse3a/answer").startswith("550")
        with school.ftp(FRED) as again:
            assert again.nlst("/") == ["Home"]
        assert gina.nlst("/") == ["Groups", "Home"]
        assert get(frida, "/Groups/klasse3a/note") == b"what is known"
        assert not (school.group("klasse3a") / "answer").exists()
        eventually(lambda: fred.nlst("/") == ["Groups", "Home"], 6.0)
        assert get(fred, "/Groups/klasse3a/note") == b"what is known"
