"""The diagnostics of the names of a space, their ties and their cases: H605 to H614, H617 and H618."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from hiera_compiler.diagnostics import Diagnostic, Label, Span, code, did_you_mean, quoted
from hiera_compiler.source.problems import form


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
