"""Plain scalars of the YAML 1.2 core schema.

YAML 1.1, which the parser library resolves by default, reads 1e-3 as text, 014 as 12, no as false and 12:30
as 750.
"""

import math
import re

from hiera_compiler.source.tree import Scalar

# Longer numbers are a mistake or an attack: turning digits into an integer takes quadratic time.
LONGEST_NUMBER = 40

_WORDS: dict[str, Scalar] = {"": None, "~": None}
for _word, _value in {"null": None, "true": True, "false": False}.items():
    _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value)
for _word in (".inf", ".Inf", ".INF"):
    _WORDS |= {_word: math.inf, f"+{_word}": math.inf, f"-{_word}": -math.inf}
_WORDS |= dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)

_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class NumberTooLongError(ValueError):
    """A number with more characters than any spec needs, or beyond the range of a float."""


def resolve(word: str) -> Scalar:
    """The value of an unquoted word: null, a boolean, a number, or the word itself.

    Raises NumberTooLongError.
    """
    if word in _WORDS:
        return _WORDS[word]
    if _FLOAT.fullmatch(word) is None and _BASED.fullmatch(word) is None:
        return word
    if len(word) > LONGEST_NUMBER:
        raise NumberTooLongError
    if _DECIMAL.fullmatch(word):
        return int(word)
    if _BASED.fullmatch(word):
        return int(word[2:], 8 if word[1] == "o" else 16)
    value = float(word)
    if math.isinf(value):
        raise NumberTooLongError
    return value
