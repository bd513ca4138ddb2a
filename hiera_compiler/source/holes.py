"""Holes: values that a spec leaves open for a search, as in `depth: {choose: [2, 3]}`."""

HOLE_WORDS = ("choose", "range", "tie")
"""The keys that make a mapping a hole."""


def is_hole(value: object) -> bool:
    """Whether a value, plain or of a tree, is a hole: a mapping with one of the words, and not that of a kind."""
    return isinstance(value, dict) and "kind" not in value and any(word in value for word in HOLE_WORDS)
