"""What is told for which cause."""

from appliance.policy.decision import Reason
from appliance.proxy.replies import Cause, Refused, cause_of_status, status_and_text, told
from appliance.session.obstacle import Hitch, Obstacle


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


def test_statuses_of_heads():
    assert cause_of_status(400) is Cause.MALFORMED
    assert cause_of_status(505) is Cause.VERSION


def test_each_cause_has_a_status_and_a_text():
    for cause in Cause:
        status, text = status_and_text(cause)
        assert status >= 400 and text.endswith(".")
