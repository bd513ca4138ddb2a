"""The diagnostics of the form of a spec: H101 to H108."""

from __future__ import annotations

import re
from math import isfinite

from pydantic_core import ErrorDetails

from hiera_compiler.diagnostics import Diagnostic, Label, any_of, code, did_you_mean, quoted
from hiera_compiler.source import Source
from hiera_compiler.spec.expected import expected, shown_number
from hiera_compiler.spec.fields import Path, choice_at, document_path, homes, keys_at, other_kinds
from hiera_compiler.spec.wording import about, number_in, place_name, shown, type_of, where


@code("H101")
def unknown_key(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A key that the language does not have at this place.

    Every key means something, so a misspelt one is refused rather than ignored. `hiera schema` prints
    all keys and what they hold; editors that read the schema complete them.
    """
    key, loc = str(path[-1]), error["loc"][:-1]
    known = keys_at(loc)
    others = other_kinds(loc, key)
    places = [home for home in homes(key) if home]
    if others:
        hint = f"{key} is a key of {any_of(others)}; the keys here are {', '.join(known)}"
    elif suggestion := did_you_mean(key, known):
        hint = f"did you mean {suggestion!r}?"
    else:
        elsewhere = f"{key} belongs in {any_of(places)}; " if places else ""
        hint = f"{elsewhere}the keys here are {', '.join(known)}"
    return Diagnostic(
        "H101",
        f"there is no key {quoted(key)} {where(path[:-1])}{f', which is {loc[-1]}' if others else ''}",
        (Label(source.key(path), "not a key of the language" if not places else "not a key here"),),
        help=hint,
    )


@code("H102")
def missing_key(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A key without a default is missing.

    What makes an architecture is always written out: depth, channels, heads and attention of each stage,
    the patch, the position embedding and the mask unit. Other keys have defaults, which `hiera show` prints.
    """
    if error["type"] == "union_tag_not_found":
        parent, key, values = path, "kind", any_of([word for word in _kinds(error) if word != "none"])
    else:
        # Not of `path`: a bare word that stands for a kind has no keys in the document.
        parent = document_path(error["loc"][:-1], source.data)
        key, values = str(error["loc"][-1]), expected(error["loc"])
    return Diagnostic(
        "H102",
        f"the key {key!r} is missing {where(parent)}",
        (Label(source.value(parent), f"has no {key}"),),
        help=f"add {key}: {values}" if key == "kind" else f"add {key}, {values}",
        notes=about((*error["loc"][:-1], key)),
    )


@code("H103")
def wrong_type(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A value of another type than the key holds.

    Nothing is converted silently: `depth: "2"` and `depth: 2.0` are refused, `depth: 2` is meant.
    """
    value = error["input"]
    is_number = error["type"] in ("int_type", "int_from_float", "float_type")
    meant = number_in(value, whole=error["type"] != "float_type") if is_number else ""
    if meant:
        help = f"write {meant}" if isinstance(value, float) else f"write {meant} without quotes"
    else:
        help = f"write {expected(error['loc'])}"
    return Diagnostic(
        "H103",
        f"{place_name(path)} needs {expected(error['loc'], limits=False)}, got {shown(value)}",
        (Label(source.value(path), type_of(value)),),
        help=help,
        notes=about(error["loc"]),
    )


@code("H104")
def out_of_range(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A number outside of what the key can hold. The limits are far beyond any published model."""
    value, context = error["input"], error["ctx"]
    bounds = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
    wanted = " and ".join(text.format(shown_number(context[key])) for key, text in bounds.items() if key in context)
    size = "too small" if {"ge", "gt"} & set(context) else "too large"
    is_finite = isinstance(value, int) or isfinite(value)
    return Diagnostic(
        "H104",
        f"{place_name(path)} is {shown(value)} and must be {wanted if is_finite else 'a finite number'}",
        (Label(source.value(path), size if is_finite else "not a finite number"),),
        help=f"use {expected(error['loc'])}",
        notes=about(error["loc"]),
    )


@code("H105")
def wrong_length(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A list with too few or too many items."""
    context, count = error["ctx"], len(error["input"])
    wanted = f"at least {context['min_length']}" if "min_length" in context else f"at most {context['max_length']}"
    return Diagnostic(
        "H105",
        f"{place_name(path)} has {count} {'item' if count == 1 else 'items'} and must have {wanted}",
        (Label(source.value(path), type_of(error["input"])),),
        help=f"write {expected(error['loc'])}",
        notes=about(error["loc"]),
    )


@code("H106")
def unknown_choice(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A word that is not among the choices of its key.

    Kinds are found in the folders below `hiera_compiler/kinds`, and in packages that declare the entry
    point group `hiera_compiler.kinds`.
    """
    value, is_kind = error["input"], error["type"] == "union_tag_invalid"
    choices = _kinds(error) if is_kind else [word.strip("' ") for word in _CHOICE.split(error["ctx"]["expected"])]
    place = path
    if is_kind and isinstance(value, dict):
        value, place = value.get("kind"), (*path, "kind")
    suggestion = did_you_mean(value, choices) if isinstance(value, str) else None
    if not isinstance(value, str):
        message = f"{path[-1]} is one of {len(choices)} words, got {shown(value)}"
    else:
        message = f"there is no {path[-1]} kind {quoted(value)}" if is_kind else f"{path[-1]} cannot be {quoted(value)}"
    return Diagnostic(
        "H106",
        message,
        (Label(source.value(place), "not among the choices"),),
        help=f"did you mean {suggestion!r}?" if suggestion else f"use {any_of(choices)}",
        notes=about(error["loc"]),
    )


@code("H107")
def unlawful_name(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A name that could not be the name of a file and of a class.

    It becomes both. So it starts with a letter and goes on with up to 99 letters, digits and any of _ . -
    """
    return Diagnostic(
        "H107",
        f"{shown(error['input'])} cannot be the name of a model",
        (Label(source.value(path), "becomes a file and a class"),),
        help="start with a letter; go on with up to 99 letters, digits and any of _ . -",
    )


@code("H108")
def left_open(holes: list[Path], source: Source) -> Diagnostic:
    """A value is left open, so that this is a space and not yet a spec.

    In a space any value may be a hole: `{choose: [2, 3]}`, `{range: [64, 160, 16]}` or `{tie: NAME}`, where `let` at
    the top names values. `hiera space` says what it spans, and `hiera search` looks for the best specs in it. A
    setting for each hole makes it a spec.
    """
    count = sum(hole != ("let",) for hole in holes)
    several = f"{count} values are" if count > 1 else "a value is"
    first = source.value(holes[0]) if count else source.key(("let",))
    return Diagnostic(
        "H108",
        f"{several} left open" if count else "'let' names values for the holes of a space, and there is no hole",
        (Label(first, "the first hole" if count > 1 else "a hole" if count else "not a key of a spec"),),
        help="this is a space: `hiera space` says what it spans, and `hiera search` finds specs in it"
        if count
        else "remove let, or tie to its names: {tie: NAME}",
    )


_CHOICE = re.compile(r",| or ")


def _kinds(error: ErrorDetails) -> list[str]:
    """The words for the kinds that a key takes, `none` where it takes that."""
    choice = choice_at(error["loc"])
    return choice.words() if choice else []
