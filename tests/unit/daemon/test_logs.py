import errno
import io
import logging
import os

import pytest

from appliance.daemon import logs


@pytest.fixture
def keep_logging():
    """The process's own log is put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("appliance").level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.getLogger("appliance").setLevel(before[2])


@pytest.fixture
def written(monkeypatch, keep_logging):
    """What a daemon writes."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.set_up("mail")
    return stream.getvalue


def test_one_line_each_with_level_and_part(written):
    logging.getLogger("appliance.mail.store").info("kept %d\nmessages", 3)
    assert written() == "info mail: kept 3 | messages\n"


def test_what_a_library_says_is_reduced_to_the_fact(written):
    logging.getLogger("some.library").warning("connection of %s", "10.1.2.3")
    logging.getLogger("asyncio").info("not even that")
    assert written().startswith("warning mail: some.library reports something at test_logs:")
    assert "10.1.2.3" not in written()


def test_an_error_shows_kinds_and_places_but_no_text(written):
    try:
        try:
            raise KeyError("fred.mustermann")
        except KeyError as error:
            raise OSError(errno.ENOSPC, "no space", "/srv/fred.mustermann") from error
    except OSError:
        logging.getLogger("appliance.mail.store").exception("delivery failed")
    line = written()
    assert line.startswith("error mail: delivery failed: OSError ENOSPC at test_logs:")
    assert ", because of KeyError at test_logs:" in line
    assert "mustermann" not in line


def test_a_group_and_a_cycle_of_causes():
    one, two = ValueError("x"), TypeError("y")
    one.__cause__, two.__cause__ = two, one
    assert logs.describe(one) == "ValueError, because of TypeError"
    assert logs.describe(ExceptionGroup("g", [ValueError("x"), OSError(errno.EPIPE, "y")])) == (
        "ExceptionGroup of 2: ValueError; BrokenPipeError EPIPE"
    )


def test_what_was_made_to_be_told_is_told():
    error = logs.Told("mail.yaml:3: the port is in use")
    error.__cause__ = OSError(errno.EADDRINUSE, "Address already in use", "10.1.2.3")
    assert logs.describe(error) == "Told (mail.yaml:3: the port is in use), because of OSError EADDRINUSE"


def test_the_journal_gets_fields_but_neither_arguments_nor_error_texts(monkeypatch, keep_logging):
    sent = []
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    monkeypatch.setattr("systemd.journal.send", lambda text, **fields: sent.append((text, fields)))
    logs.set_up("mail")
    try:
        raise KeyError("fred.mustermann")
    except KeyError:
        logging.getLogger("appliance.mail.store").exception("lost %d", 3)
    ((text, fields),) = sent
    assert text.startswith("lost 3: KeyError at test_logs:")
    assert (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]) == (3, "schoolserver-mail")
    assert (fields["LOGGER"], fields["CODE_FILE"]) == ("appliance.mail.store", "test_logs.py")
    assert "mustermann" not in str(sent)
