"""Words inside messages: suggestions, and quoting of what the user wrote."""

from collections.abc import Iterable

_LONGEST = 60


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The choice closest to `word`, or None when none is close."""
    if len(word) > _LONGEST:
        return None
    # Imported here because only a failing run needs it.
    from difflib import get_close_matches

    folded = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word.lower(), folded, n=1)
    return folded[near[0]] if near else None


def quoted(word: object) -> str:
    """`word` in single quotes, cut after 60 characters."""
    text = str(word)
    return f"'{text}'" if len(text) <= _LONGEST else f"'{text[:_LONGEST]}…'"
