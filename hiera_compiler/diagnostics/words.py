"""Words inside messages: suggestions, alternatives, sizes, and quoting of what the user wrote."""

from collections.abc import Iterable, Sequence
from itertools import islice

_LONGEST = 60
# Comparing takes about 20 µs for each choice.
_MOST = 500


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The choice closest to `word`, or None when none is close; only the first 500 choices are compared."""
    if len(word) > _LONGEST:
        return None
    # Imported here because only a failing run needs it.
    from difflib import get_close_matches

    folded = {choice.lower(): choice for choice in islice(choices, _MOST)}
    near = get_close_matches(word.lower(), folded, n=1)
    return folded[near[0]] if near else None


def times(numbers: Iterable[int]) -> str:
    """Numbers along axes as a message says them: 2x2."""
    return "x".join(map(str, numbers))


def any_of(words: Sequence[object]) -> str:
    """The words, one at least, as an alternative: ``a, b or c``."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def quoted(word: object, longest: int = _LONGEST) -> str:
    """`word` in single quotes, cut after `longest` characters."""
    text = str(word)
    return f"'{text}'" if len(text) <= longest else f"'{text[:longest]}…'"
