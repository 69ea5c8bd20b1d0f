"""Taking over a certificate of the school's own, as an ACME client's deploy hook hands it in after each renewal.

Works on a server that is set up, while it runs: settings, pairs, reload; nothing else is looked at or changed.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from appliance.setup import certificates
from appliance.setup.alone import alone
from appliance.setup.own_pair import OwnPair
from appliance.setup.places import Places
from appliance.setup.plan import Wrong, wishes
from appliance.setup.questions import QUESTIONS, answer_in
from appliance.setup.renew import renew
from appliance.setup.steps import write_settings
from appliance.setup.survey import candidate, out_of_sight, settings_texts
from appliance.setup.system import System


def install(places: Places, system: System, certificate: Path, key: Path) -> tuple[OwnPair, list[str]]:
    """Judge both files, name them in certificates.yaml, give them to every part; give the pair and who has it anew.

    Raises :class:`Wrong` and :class:`PairProblem` before anything is changed, and what ``renew`` raises.
    """
    if not places.marker.exists():
        raise Wrong(["the server is not set up yet; give the certificate to schoolserver setup itself"])
    given = {}
    for question in QUESTIONS:
        path = {"certificate": certificate, "key": key}.get(question.key)
        if path is not None:
            answer = answer_in(question, yaml.ScalarNode("tag:yaml.org,2002:str", str(path.absolute())))
            if answer is None:
                raise Wrong([f"{path} cannot stand in the settings; write it from the root and without '..'"])
            given[question.key] = answer
    if hidden := out_of_sight(places, (certificate, key)):
        raise Wrong(hidden)
    with alone(places, wait=True):
        texts = settings_texts(places.settings)
        wanted = wishes(texts, given, {}, str(places.explained))
        pair = certificates.own_pair(candidate(places, {**texts, **wanted.texts}))
        write_settings(places.settings, wanted.texts)
    if pair is None:
        raise Wrong(["certificates.yaml names no certificate"])
    return pair, renew(places, system)
