"""Source to spec: pydantic checks the form, and what it finds is said in our own words, at its place."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hiera_compiler.diagnostics import Diagnostic, SpecError, did_you_mean
from hiera_compiler.source import Source, is_hole
from hiera_compiler.source.limits import MAX_PROBLEMS
from hiera_compiler.spec.fields import Path, document_path, keys_at
from hiera_compiler.spec.model import Spec
from hiera_compiler.spec.problems import (
    left_open,
    missing_key,
    out_of_range,
    unknown_choice,
    unknown_key,
    unlawful_name,
    wrong_length,
    wrong_type,
)


def parse(source: Source) -> Spec:
    """The spec that a source holds; raises SpecError with every problem of form, 50 at most."""
    try:
        return Spec.model_validate(source.data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=True)
    holes = open_values(source.data)
    found = [_explained(problem, source) for problem in _distinct(problems, source.data, holes)[:MAX_PROBLEMS]]
    raise SpecError([left_open(holes, source), *found] if holes else found)


def open_values(data: Any) -> list[Path]:
    """The paths of the holes of a space, and of the names that it gives to values."""
    found: list[Path] = []
    waiting: list[tuple[Path, Any]] = [((), {key: value for key, value in data.items() if key != "let"})]
    while waiting:
        path, value = waiting.pop()
        if path and is_hole(value):
            found.append(path)
        elif isinstance(value, dict | list):
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend(reversed([((*path, key), inner) for key, inner in inside]))
    return [*found, ("let",)] if "let" in data else found


def parse_known(source: Source) -> Spec | None:
    """The spec without its unknown keys, so that rules can still look at the rest; none where more is wrong."""
    data = deepcopy(source.data)
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    if any(problem["type"] != "extra_forbidden" for problem in problems):
        return None
    for problem in problems:
        *parents, key = document_path(problem["loc"], source.data)
        form = data
        for part in parents:
            form = form[part]
        del form[key]
    return Spec.model_validate(data)


def _distinct(problems: list[ErrorDetails], data: Any, holes: list[Path]) -> list[ErrorDetails]:
    """The problems without those that only follow from another one, or from a value that is left open."""
    if holes:
        problems = [problem for problem in problems if not _is_open(_place(problem, data), holes)]
    unknown = [problem["loc"] for problem in problems if problem["type"] == "extra_forbidden"]
    meant = {(*loc[:-1], did_you_mean(str(loc[-1]), keys_at(loc[:-1]))) for loc in unknown[:MAX_PROBLEMS]}
    return [problem for problem in problems if problem["loc"] not in meant and not _is_long_enough(problem)]


def _place(problem: ErrorDetails, data: Any) -> Path:
    """Where a problem is: a kind that there is not is one of the key `kind`, where that is written."""
    path = document_path(problem["loc"], data)
    is_kind = problem["type"] == "union_tag_invalid" and isinstance(problem["input"], dict)
    return (*path, "kind") if is_kind else path


def _is_open(path: Path, holes: list[Path]) -> bool:
    return any(path[: len(hole)] == hole for hole in holes)


def _is_long_enough(problem: ErrorDetails) -> bool:
    # pydantic counts the items without a problem of their own.
    return problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]


_Explain = Callable[[ErrorDetails, Path, Source], Diagnostic]

_EXPLAINED: dict[tuple[str, ...], _Explain] = {
    ("extra_forbidden", "invalid_key"): unknown_key,
    ("missing", "union_tag_not_found"): missing_key,
    ("greater_than", "greater_than_equal", "less_than", "less_than_equal"): out_of_range,
    ("too_short", "too_long"): wrong_length,
    ("union_tag_invalid", "literal_error"): unknown_choice,
    ("string_pattern_mismatch",): unlawful_name,
}


def _explained(error: ErrorDetails, source: Source) -> Diagnostic:
    path = document_path(error["loc"], source.data)
    explain = next((explain for kinds, explain in _EXPLAINED.items() if error["type"] in kinds), wrong_type)
    return explain(error, path, source)
