"""The pages."""

from http.client import HTTPResponse
from io import BytesIO

import pytest

from appliance.policy.decision import Reason
from appliance.proxy.replies import Cause, Refused, cause_of_status, page, told
from appliance.session.obstacle import Hitch, Obstacle


class Wire(BytesIO):
    def makefile(self, *_arguments):
        return self


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("language", ["de", "en"])
def test_each_cause_has_a_page(cause, language):
    answer = HTTPResponse(Wire(page(Refused(cause, "7KQF-2MXA", 2.4), language, keep=False)))
    answer.begin()
    body = answer.read().decode()
    assert answer.status >= 400
    assert "7KQF-2MXA" in body
    assert f'lang="{language}"' in body
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Retry-After"] == "3", "never too early"
    assert (answer.headers["Proxy-Authenticate"] is not None) == (cause is Cause.SIGN_IN)


@pytest.mark.parametrize("cause", Cause)
def test_each_text_is_german_in_german(cause):
    english, german = (page(Refused(cause), language, keep=False).partition(b"</h1>")[2] for language in ("en", "de"))
    assert english != german


def test_each_reason_of_the_policy_that_concerns_the_web_is_a_cause():
    mail = {
        Reason.FOREIGN_SENDER,
        Reason.OUTSIDE_RECIPIENT,
        Reason.UNKNOWN_RECIPIENT,
        Reason.NO_ADDRESS,
        Reason.CLOSED_GROUP,
        Reason.TOO_MANY,
        Reason.HOUR_FULL,
        Reason.TOO_MUCH,
        Reason.HOUR_SPENT,
        Reason.LOOP,
        Reason.HARMFUL,
    }
    told_in_tls = {Reason.NO_NAME}
    assert {Cause(reason.value) for reason in set(Reason) - mail - told_in_tls if "quota" not in reason.value}


def test_what_policy_and_sign_in_say_is_told():
    assert told(Obstacle(Reason.CLOSED_CATEGORY, "CODE"), upload=False) == Refused(Cause.CATEGORY, "CODE")
    assert told(Obstacle(Reason.TOO_LARGE, "CODE"), upload=False) == Refused(Cause.TOO_LARGE, "CODE")
    assert told(Obstacle(Reason.TOO_LARGE, "CODE"), upload=True) == Refused(Cause.UPLOAD_TOO_LARGE, "CODE")
    assert told(Obstacle(Hitch.LATER, None, 3.0), upload=True) == Refused(Cause.LATER, None, 3.0)
    assert [told(Obstacle(hitch), upload=False).cause for hitch in Hitch] == [
        Cause.SIGN_IN,
        Cause.LATER,
        Cause.PASSWORD_CHANGED,
    ]


def test_who_has_moved_as_much_as_he_may_is_told_when_to_come_again():
    refused = told(Obstacle(Reason.TOO_LARGE, "CODE", 241.2), upload=False)
    assert (
        refused == told(Obstacle(Reason.TOO_LARGE, "CODE", 241.2), upload=True) == Refused(Cause.SPENT, "CODE", 241.2)
    )
    for language, words in (("en", b"there is room in 5 min."), ("de", b"in 5 min ist wieder Platz.")):
        whole = page(refused, language, keep=False)
        assert words in whole
        assert b"Retry-After: 242\r\n" in whole


def test_the_answer_to_head_has_no_body_and_an_open_connection_is_not_closed():
    whole = page(Refused(Cause.NOT_OPEN), "de", keep=True)
    bare = page(Refused(Cause.NOT_OPEN), "de", keep=True, bodiless=True)
    assert whole.startswith(bare)
    assert bare.endswith(b"\r\n\r\n")
    assert b"Connection" not in bare
    assert b"Retry-After" not in bare


def test_statuses_of_heads():
    assert cause_of_status(400) is Cause.MALFORMED
    assert cause_of_status(505) is Cause.VERSION
