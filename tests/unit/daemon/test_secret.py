import copy
import json
import logging
import pickle

import pytest

from appliance.daemon.secret import Secret

TEXT = "Sommer-2026!"


def test_only_reveal_gives_it_away(caplog):
    secret = Secret(TEXT)
    logging.getLogger("test").warning("%s %r", secret, {"password": secret})
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>10}", f"{secret:>10}", str([secret]), caplog.text]
    assert all(TEXT not in one and "****" in one for one in shown)
    assert secret.reveal() == TEXT


def test_it_cannot_be_carried_away():
    with pytest.raises(TypeError):
        pickle.dumps(Secret(TEXT))
    with pytest.raises(TypeError):
        json.dumps({"password": Secret(TEXT)})
    with pytest.raises(TypeError):
        vars(Secret(TEXT))
    with pytest.raises(TypeError):
        hash(Secret(TEXT))


def test_comparing_and_emptiness():
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\ud800") != Secret("x")
    assert not Secret("")
    assert Secret("x")


def test_a_copy_is_the_secret_itself():
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
