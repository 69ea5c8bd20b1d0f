"""What a password must be (K02), and one-time passwords that are so.

May live here: the rule and its messages. May not: where passwords are kept or checked. The texts given in are secrets:
nothing of them may come out, not even in an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Protocol

from appliance.policy.words import COMMON_WORDS, KEYBOARD_STEPS

_SHORTEST = 8
_LONGEST = 128
_FEWEST_DIFFERENT = 5
_SHORTEST_NAME = 3
_SHORTEST_HIDDEN_NAME = 4
_LETTERS_BESIDE_WORD = 4
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_REPEATED = re.compile(r"(.)\1\1+|(..+?)\2+", re.DOTALL)
_LOOK_ALIKE = str.maketrans("0134578@$!|", "oieastbasil")


class Problem(Enum):
    """Why a password is refused; the value is the message in English, which translations start from."""

    TOO_SHORT = "The password needs at least 8 characters."
    TOO_LONG = "The password may have at most 128 characters."
    NO_UPPER_CASE = "The password needs a capital letter."
    NO_LOWER_CASE = "The password needs a small letter."
    NO_DIGIT = "The password needs a digit."
    NO_SPECIAL = "The password needs a special character, such as - or !."
    NOT_TYPEABLE = "The password contains a character that cannot be typed everywhere."
    TOO_UNIFORM = "The password needs at least 5 different characters."
    REPEATED = "The password is too short when what it repeats counts once."
    CONTAINS_LOGIN = "The password must not contain the login."
    CONTAINS_NAME = "The password must not contain a name of its owner."
    CONTAINS_SCHOOL = "The password must not contain the name of the school."
    COMMON_WORD = "The password is little more than a word that many people use."
    KEYBOARD = "The password is little more than keys that lie side by side."

    @property
    def message(self) -> str:
        """The English text for whoever chose the password."""
        return self.value


class Chooser(Protocol):
    """Where chance comes from: ``secrets.SystemRandom()``, or a seeded ``random.Random`` in tests."""

    def choice(self, seq: str, /) -> str:
        """Give one character of ``seq``."""


def problems(
    password: str, login: str = "", names: Sequence[str] = (), school: Sequence[str] = ()
) -> tuple[Problem, ...]:
    """Give everything that K02 has against ``password`` for the owner of ``login`` and ``names``; empty: nothing.

    ``names`` are given name, surname, display name or whatever else must not occur; parts under three letters are not
    looked for, and split by other characters those of four and more. ``school``: its names, looked for in the same way
    from four letters on.
    """
    password = unicodedata.normalize("NFC", password)
    readings = _readings(password)
    squeezed = _squeezed(readings)
    little_more = {_little_more_than(reading) for reading in (*readings, *squeezed)}
    checks = {
        Problem.TOO_SHORT: len(password) < _SHORTEST,
        Problem.TOO_LONG: len(password) > _LONGEST,
        Problem.NO_UPPER_CASE: not any(map(str.isupper, password)),
        Problem.NO_LOWER_CASE: not any(map(str.islower, password)),
        Problem.NO_DIGIT: not any(character in "0123456789" for character in password),
        Problem.NO_SPECIAL: all(character.isalnum() or character.isspace() for character in password),
        Problem.NOT_TYPEABLE: not password.isprintable() or password != password.strip(),
        Problem.TOO_UNIFORM: len(set(password)) < _FEWEST_DIFFERENT,
        Problem.REPEATED: len(_REPEATED.sub(r"\1\2", password[:_LONGEST].casefold())) < _SHORTEST <= len(password),
        Problem.CONTAINS_LOGIN: _contains(readings, squeezed, [login]),
        Problem.CONTAINS_NAME: _contains(readings, squeezed, names),
        Problem.CONTAINS_SCHOOL: _contains((), (*readings, *squeezed), school),
        Problem.COMMON_WORD: Problem.COMMON_WORD in little_more,
        Problem.KEYBOARD: Problem.KEYBOARD in little_more,
    }
    return tuple(problem for problem, found in checks.items() if found)


def generate(rng: Chooser, login: str = "", names: Sequence[str] = (), school: Sequence[str] = ()) -> str:
    """Make a one-time password such as ``Kamu-tibo-472``: K02 holds, nothing looks like something else, no y or z.

    33 bits: enough for a password that is throttled and changed at the first sign-in, not for one to keep.
    """
    while True:
        letters = [rng.choice("bdfghkmnprstvw" if place % 2 == 0 else "aeiou") for place in range(8)]
        letters[0] = letters[0].upper()
        digits = "".join(rng.choice("23456789") for _ in range(3))
        password = f"{''.join(letters[:4])}-{''.join(letters[4:])}-{digits}"
        if not problems(password, login, names, school) and not _words_in(_readings(password)[0]):
            return password


def _readings(text: str) -> tuple[str, str]:
    """Give ``text`` as it is heard: without case, accents and umlauts; and again with 3 for e, 0 for o and so on."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_GERMAN))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return plain, plain.translate(_LOOK_ALIKE)


def _squeezed(readings: tuple[str, str]) -> tuple[str, ...]:
    """Give the readings without what is neither letter nor digit, for ``Fre.d1234``."""
    plain, look_alike = ("".join(filter(str.isalnum, reading)) for reading in readings)
    return plain, look_alike, plain.translate(_LOOK_ALIKE)


def _contains(readings: Sequence[str], squeezed: Sequence[str], names: Iterable[str]) -> bool:
    parts = {part for name in names for part in _parts(_readings(name)[0]) if len(part) >= _SHORTEST_NAME}
    return any(
        part in reading or part[::-1] in reading
        for part in parts
        for reading in (*readings, *(squeezed if len(part) >= _SHORTEST_HIDDEN_NAME else ()))
    )


def _parts(name: str) -> list[str]:
    return [name, *"".join(character if character.isalnum() else " " for character in name).split()]


def _words_in(reading: str) -> list[str]:
    return [word for word in COMMON_WORDS if word in reading]


def _little_more_than(reading: str) -> Problem | None:
    """Say what ``reading`` is when fewer than four letters are left beside it.

    A common word (``Sommer2024!``, not ``Sommer-blau-7-Zebu``), or a way over the keyboard.
    """
    words = _words_in(reading)
    for word in sorted(words, key=len, reverse=True):
        reading = reading.replace(word, " ")
    on_the_way = {
        place
        for length in (3, 4)
        for start in range(len(reading) - length + 1)
        if reading[start : start + length] in KEYBOARD_STEPS
        for place in range(start, start + length)
    }
    left = sum(letter.isalpha() for place, letter in enumerate(reading) if place not in on_the_way)
    if left >= _LETTERS_BESIDE_WORD:
        return None
    if words:
        return Problem.COMMON_WORD
    return Problem.KEYBOARD if on_the_way else None
