"""Cases: which option of a hole leads to which, and what is wrong with those that are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from hiera_compiler.diagnostics import Diagnostic, Span, SpecError
from hiera_compiler.source.tree import Entry
from hiera_search.space import name_problems
from hiera_search.space.filling import Filling, word_of
from hiera_search.space.refusals import Refused
from hiera_search.space.template import Options, Template, walk


def word_under(names: Mapping[str, Template], name: str, choice: Mapping[int, int], span: Span) -> str:
    """The value of a name as the key of a case. Raises SpecError where it does not come out."""
    try:
        word = word_of(Filling(names, choice).node(names[name]).value)
    except Refused as refused:
        raise SpecError(name_problems.not_worked_out(span, refused.message)) from None
    return word if word is not None else "a list or a mapping"


def options_by_case(names: Mapping[str, Template], name: str, decider: Options) -> dict[str, frozenset[int]]:
    """The values of a name as words, each with the options of its one hole that make it."""
    found: dict[str, set[int]] = {}
    for index in range(len(decider.options)):
        with suppress(SpecError):  # a tie that does not come out refuses the candidate
            found.setdefault(word_under(names, name, {decider.position: index}, decider.span), set()).add(index)
    return {word: frozenset(options) for word, options in found.items()}


def open_holes(name: str, read: Mapping[str, Template], deciding: int) -> Iterator[Diagnostic]:
    """The problem of a hole inside cases that follow several holes."""
    inside = (hole for case in read.values() for hole in walk(case) if isinstance(hole, Options))
    hole = next(inside, None)
    if hole is not None and deciding:
        yield name_problems.open_cases(name, hole.span, deciding)


def unmatched(
    name: str, named: Entry, entries: Mapping[str, Entry], indices: Mapping[str, frozenset[int]], span: Span
) -> Iterator[Diagnostic]:
    """The problems of values without a case, and of cases without a value."""
    missing = [word for word in indices if word not in entries]
    if missing:
        yield name_problems.without_case(name, missing, span)
    for word, entry in entries.items():
        # A layer above the cases, or a setting, may leave a name fewer values than they are for.
        if word not in indices and named.node.span.text is entry.key.text:
            yield name_problems.never_reached(name, word, entry.key, named.key, list(indices))
