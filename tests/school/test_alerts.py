"""The carer is told when the server is not well, also when it is our own mail that is down."""

from collections.abc import Iterator

import pytest

from tests.school.box.school import School
from tests.school.box.small_internet import MAILBOX, POST

_ALERTS = f"""to: [carer@example.net]
smarthost: {POST}:587
ca: /etc/schoolserver/smarthost.pem
after: 10 s
"""


@pytest.fixture
def told(at_school: School) -> Iterator[School]:
    """A school whose carer is told through the mail server of somebody outside."""
    at_school.server.write("/etc/schoolserver/smarthost.pem", at_school.hosts["origin"].read("/etc/box/ca.pem"))
    at_school.server.write("/etc/schoolserver/alerts.yaml", _ALERTS)
    try:
        at_school.server.run("schoolserver reload")
        yield at_school
    finally:
        at_school.server.run("rm /etc/schoolserver/alerts.yaml /etc/schoolserver/smarthost.pem && schoolserver reload")
        at_school.hosts["origin"].run(f"rm -f {MAILBOX}/new/*")


def test_a_mail_reaches_the_carer_while_our_mail_is_down(told: School) -> None:
    told.play(f"""
        server# schoolserver alerts test
        origin$ grep -l carer@example.net {MAILBOX}/new/*
        origin$ rm {MAILBOX}/new/*
    """)
    try:
        told.server.run("systemctl mask --runtime --now schoolserver-mail.socket schoolserver-mail.service")
        told.comes(f"""
            origin$ cat {MAILBOX}/new/*
            *mail*
        """)
    finally:
        told.server.run("systemctl unmask --runtime schoolserver-mail.socket schoolserver-mail.service")
        told.server.run("systemctl start schoolserver-mail.socket schoolserver-mail.service")
    told.well()
