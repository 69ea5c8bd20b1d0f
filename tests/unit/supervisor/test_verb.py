"""Arguments of verbs: what is wrong is named, nothing else is let through."""

import pytest

from appliance.supervisor.verb import Argument, Verb, VerbError, optional


def checked(given, **arguments):
    return Verb(lambda call: {}, arguments).checked(given)


def refusal(given, **arguments):
    with pytest.raises(VerbError) as caught:
        checked(given, **arguments)
    assert caught.value.kind == "wrong-arguments"
    return caught.value.text


def test_left_out_arguments_get_their_default():
    assert checked({}, until=optional(), version=optional(default="")) == {"until": None, "version": ""}
    assert checked({"until": None}, until=optional(default="x")) == {"until": "x"}


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        (Argument(), 3, "must be a text"),
        (Argument(), ["a"], "must be a text"),
        (Argument(bool), "true", "must be true or false"),
        (Argument(bool), 1, "must be true or false"),
        (Argument(list), "account", "must be a list of texts"),
        (Argument(list), ["account", 3], "must be a list of texts"),
        (Argument(list, choices=("account", "logs")), ["account", "pizza"], "must be one of account, logs"),
        (Argument(choices=("mail", "web")), "wlan", "must be one of mail, web"),
        (Argument(limit=4), "12345", "has 5 characters; 4 are allowed"),
    ],
)
def test_a_wrong_value_is_named_with_its_argument(argument, value, words):
    text = refusal({"login": value}, login=argument)
    assert "'login'" in text
    assert words in text


def test_a_missing_and_an_unknown_argument_are_named():
    assert refusal({}, login=Argument()) == "argument 'login' is missing"
    assert refusal({"login": None}, login=Argument()) == "argument 'login' is missing"
    assert refusal({"logn": "x"}, login=Argument()) == "argument 'logn' is unknown; known: login"
    assert refusal({"x": 1}) == "argument 'x' is unknown; known: none"


def test_right_values_come_through_as_they_are():
    given = {"login": "fred", "give": True, "consents": ["logs"]}
    assert checked(given, login=Argument(), give=Argument(bool), consents=Argument(list)) == given
