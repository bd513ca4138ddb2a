"""The diagnostics of spaces: H600 to H618; what a single choice may run into is in `refusals`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

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


@code("H605")
def unknown_name(span: Span, name: object, known: Collection[str]) -> Diagnostic:
    """A tie does not name a value of `let`.

    `let` at the top of a space names values: `let: {width: {range: [64, 160, 16]}}`. `{tie: width}` has that value
    anywhere, and `times` and `over` take names too.
    """
    if not isinstance(name, str):
        return Diagnostic("H605", f"a tie takes a name, got {form(name)}", (Label(span),), _listed(known))
    near = did_you_mean(name, known)
    help = f"did you mean {near!r}?" if near else _listed(known)
    return Diagnostic("H605", f"nothing is named {quoted(name)}", (Label(span, "not a name of `let`"),), help)


def operand(span: Span, key: str, value: object) -> Diagnostic:
    """A factor of a tie is neither a number nor a name."""
    found = "zero" if value == 0 and not isinstance(value, bool) else form(value)
    help = f"write a number or a name of `let`: {key}: 2"
    wanted = "a number or a name" if key == "times" else "a number that is not zero, or a name"
    return Diagnostic("H605", f"{key} takes {wanted}, got {found}", (Label(span),), help)


@code("H606")
def circle(names: Sequence[str], spans: Sequence[Span]) -> Diagnostic:
    """Names tie to each other in a circle.

    What a name of `let` is would depend on itself, so that none of them has a value.
    """
    road = " -> ".join([*names, names[0]])
    first, *others = spans
    labels = (Label(first, "its value depends on itself"), *(Label(span, "through this") for span in others[:4]))
    return Diagnostic("H606", f"{quoted(names[0])} ties to itself", labels, "give one of them a value", (road,))


@code("H607")
def never_used(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    """A name is defined and nothing ties to it.

    Its holes would multiply the points of the space, and change no candidate.
    """
    near = did_you_mean(name, known)
    use = f"remove it, or use it: {{tie: {name[:40]}}}"
    return Diagnostic(
        "H607",
        f"nothing ties to {quoted(name)}",
        (Label(span, "defined and never used"),),
        f"did you mean {near!r}? or {use}" if near else use,
    )


@code("H608")
def let_form(span: Span, value: object) -> Diagnostic:
    """`let` is a mapping of names to values.

    A name is a letter, then letters, digits and any of _ -; a value is a hole, or anything else that a spec holds:
    `let: {width: {range: [64, 160, 16]}, head: 32}`.
    """
    help = "write let: {width: {range: [64, 160, 16]}}"
    return Diagnostic("H608", "let is a mapping of names", (Label(span, f"this is {form(value)}"),), help)


def name_form(span: Span, name: object) -> Diagnostic:
    """A name that could not be written in a tie or a setting."""
    help = "use a letter, then letters, digits and any of _ -"
    return Diagnostic("H608", f"{quoted(name)} cannot be a name", (Label(span),), help)


@code("H609")
def cases_form(span: Span, value: object) -> Diagnostic:
    """`cases` is a mapping from the values of a name to what stands there.

    `{tie: size, cases: {small: 1, large: {choose: [2, 3]}}}`: the holes of a case exist only with its value.
    """
    help = "write cases: {1: ..., 2: ...}, with the values of the name as keys"
    return Diagnostic("H609", "cases is a mapping of values", (Label(span, f"this is {form(value)}"),), help)


@code("H610")
def never_reached(name: str, word: str, span: Span, named: Span, values: Sequence[str]) -> Diagnostic:
    """A case that no value of its name reaches.

    The keys of `cases` are the values that the name can have. One that it cannot have is a slip.
    """
    near = did_you_mean(word, values)
    help = f"did you mean {near!r}?" if near else f"{name} can be {', '.join(values[:8])}"
    labels = (Label(span, "never so"), Label(named, f"what {name} can be"))
    return Diagnostic("H610", f"{quoted(name)} is never {quoted(word)}", labels, help)


def without_case(name: str, words: Sequence[str], span: Span) -> Diagnostic:
    """A value without a case, found before any choice is made; its page is that of the refusal H611."""
    shown = ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
    help = f"add a case for each value that {name} can have; `none` is a value of keys that may be left out"
    return Diagnostic("H611", f"{quoted(name)} can be {shown}, and has no case for it", (Label(span),), help)


@code("H614")
def open_cases(name: str, span: Span, holes: int) -> Diagnostic:
    """Cases hold holes, and their name follows more than one hole.

    A hole in a case exists only where the name has the case's value. That is counted and searched where one hole
    decides the name; cases without holes in them may follow any name.
    """
    help = "tie to the name of one hole, or give the holes of the cases names in `let`"
    return Diagnostic(
        "H614",
        f"{holes} holes decide {quoted(name)}, and a case of it holds a hole",
        (Label(span, "a hole in a case"),),
        help,
    )


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


@code("H617")
def open_name(span: Span) -> Diagnostic:
    """The name of a space is fixed.

    It is the name of the space; those that a search finds get names of their own.
    """
    return Diagnostic("H617", "the name of a space is left open", (Label(span, "a hole"),), "write one name")


@code("H618")
def not_worked_out(span: Span, message: str) -> Diagnostic:
    """A tie has no value for any option that was tried.

    No candidate could have a value here. Refusals of single candidates are counted instead, as H612 and H613.
    """
    return Diagnostic("H618", f"the tie never comes out: {message}", (Label(span),), "tie to numbers that divide")


def _listed(known: Collection[str]) -> str:
    if not known:
        return "name a value at the top of the space: let: {width: {range: [64, 160, 16]}}"
    names = sorted(known)
    return f"the names are {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
