"""The diagnostics of holes and of the size of a space: H600 to H604, H615 and H616.

Those of names and ties are in `name_problems`; what a single choice may run into is in `refusals`.
"""

from __future__ import annotations

from hiera_compiler.diagnostics import Diagnostic, Label, Span, code, did_you_mean, quoted
from hiera_compiler.source import HOLE_WORDS
from hiera_compiler.source.problems import form
from hiera_search.space.limits import MAX_COMPONENTS, MAX_HOLES, MAX_NESTING, MAX_OPTIONS, MAX_VALUES

_EXAMPLES = {
    "choose": "choose: [2, 3, 4]",
    "range": "range: [64, 160, 16]",
    "tie": "{tie: width, times: 2}",
}
_KEYS = {"choose": "no other key", "range": "no other key", "tie": "times and over, or cases"}


@code("H600")
def several_words(word: str, other: str, span: Span, first: Span) -> Diagnostic:
    """A hole has one of the keys choose, range and tie.

    `{choose: [a, b]}` is one of the options, `{range: [lo, hi, step]}` one of the numbers, `{tie: NAME}` what the
    name has, with `times` and `over` (numbers or names) or with `cases`. Nothing else stands beside them.
    """
    labels = (Label(span, f"a second way, {other}"), Label(first, word))
    return Diagnostic("H600", f"a hole has {word} and {other}", labels, f"keep one of {', '.join(HOLE_WORDS)}")


def unknown_key(key: object, word: str, span: Span) -> Diagnostic:
    """A key that a hole does not have."""
    near = did_you_mean(str(key), ("times", "over", "cases")) if word == "tie" else None
    help = f"did you mean {near!r}?" if near else f"beside {word} goes {_KEYS[word]}"
    return Diagnostic("H600", f"there is no key {quoted(key)} beside {word}", (Label(span, "not of a hole"),), help)


def cases_beside(other: str, span: Span) -> Diagnostic:
    """Cases and numbers exclude each other."""
    help = f"put {other} inside a case: cases: {{1: {{tie: width, {other}: 2}}}}"
    return Diagnostic("H600", f"a tie has cases and {other}", (Label(span, "beside cases"),), help)


@code("H601")
def no_options(span: Span, value: object) -> Diagnostic:
    """A hole has nothing to choose among.

    `choose` takes a list with at least one option; an option may be any value, with holes of its own.
    """
    found = "an empty list" if value == [] else form(value)
    help = f"list the options: {_EXAMPLES['choose']}"
    return Diagnostic("H601", "choose takes a list of options", (Label(span, f"this is {found}"),), help)


@code("H602")
def range_form(span: Span, found: str) -> Diagnostic:
    """A range is not [lowest, highest] or [lowest, highest, step].

    All three are numbers, the step is more than zero (1 where it is left out), and the highest is not below the
    lowest. `range: [64, 160, 16]` is 64, 80, 96 and so on to 160.
    """
    help = f"write [lowest, highest, step], such as {_EXAMPLES['range']}"
    return Diagnostic("H602", found, (Label(span),), help)


@code("H603")
def too_many_options(span: Span, count: int) -> Diagnostic:
    """A hole has more options than a search could tell apart.

    A hole may have 10 000 options, and a space 200 holes with 100 000 options in all.
    """
    message = f"the hole has {count} options, and the limit is {MAX_OPTIONS}"
    return Diagnostic("H603", message, (Label(span),), "use a larger step, or fewer options")


def too_many_holes(span: Span) -> Diagnostic:
    """A space has more holes or options than it may."""
    message = f"the space has more than {MAX_HOLES} holes, or more than {MAX_VALUES} options in all"
    return Diagnostic("H603", message, (Label(span, "the limit is passed here"),), "tie holes that go together")


@code("H604")
def same_option(span: Span, first: Span) -> Diagnostic:
    """An option stands twice.

    Two equal options would be two candidates that are one: every point of a space is counted, and tried, once.
    """
    labels = (Label(span, "again here"), Label(first, "first here"))
    return Diagnostic("H604", "an option is given twice", labels, "remove one of the two")


@code("H615")
def too_entangled(span: Span) -> Diagnostic:
    """So many holes depend on each other that the points cannot be counted.

    Points are counted by going through the options of holes that others depend on, as far as these do not fall
    apart into groups.
    """
    message = f"the points cannot be counted in {MAX_COMPONENTS} steps: too many holes depend on each other"
    return Diagnostic("H615", message, (Label(span),), "put fewer holes inside options and cases")


@code("H616")
def too_large(span: Span) -> Diagnostic:
    """Written out, a space has too many values, or they nest too deep.

    A tie stands for all of its name's values. With those written out, a candidate may have 100 000 values, 64 deep.
    """
    message = f"with ties written out there are more than {MAX_VALUES} values, or more than {MAX_NESTING} levels"
    return Diagnostic("H616", message, (Label(span),), "tie to fewer names")
