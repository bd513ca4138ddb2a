"""How large a space may be, so that reading and counting one takes bounded time and memory."""

MAX_HOLES = 200
MAX_OPTIONS = 10_000
MAX_VALUES = 100_000
MAX_NESTING = 64
MAX_COMPONENTS = 20_000
"""Groups of holes that depend on each other, met in counting the points."""
MAX_FILLED = 1_000_000
"""Values of all specs together that are filled in to check the form of every option."""
MAX_TRIED = 1_000
"""Choices that are tried before a tie is said to come out for none."""
MAX_RANGE_CHECKED = 64
"""Values of a range up to which each is checked for form; of a longer one, both ends are."""
