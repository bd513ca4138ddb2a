"""Rows of trained architectures: a CSV file → compilations and their metrics."""

from __future__ import annotations

import math
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from hiera_compiler import Compilation
from hiera_compiler import compile as compile_spec
from hiera_compiler.diagnostics import Diagnostic, Span, SpecError, Text, quoted
from hiera_search.accuracy import problems
from hiera_search.accuracy.cells import Cell, cells_of, written_lines
from hiera_search.accuracy.features import features
from hiera_search.accuracy.scores import Features, Floats

MAX_BYTES = 1 << 20
MAX_ROWS = 2000
MAX_PROBLEMS = 50
_COLUMNS = ("spec", "metric", "set", "recipe")
_LARGEST = 1e9


@dataclass(frozen=True)
class Rows:
    """Trained architectures; `recipes` says how each was trained, or nothing."""

    name: str
    span: Span
    compilations: tuple[Compilation, ...]
    metric: Floats
    recipes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.metric)

    @cached_property
    def features(self) -> Features:
        """What estimators see of the rows."""
        return features(self.compilations)

    def of(self, *recipes: str) -> Rows:
        """The rows of these recipes."""
        kept = [index for index, recipe in enumerate(self.recipes) if recipe in recipes]
        return replace(
            self,
            compilations=tuple(self.compilations[index] for index in kept),
            metric=self.metric[kept],
            recipes=tuple(self.recipes[index] for index in kept),
        )

    def of_main_recipe(self, fewest: int) -> Rows:
        """The rows of the most frequent recipe. Raises SpecError where they are too few, or all metrics equal."""
        counted = Counter(self.recipes).most_common(1)
        recipe, count = counted[0] if counted else ("", 0)
        if count < fewest:
            raise SpecError(problems.too_few(self.span, count, fewest, recipe))
        rows = self.of(recipe)
        if float(np.ptp(rows.metric)) <= 1e-12 * float(np.abs(rows.metric).max()):
            raise SpecError(problems.all_equal(self.span, count, float(rows.metric[0])))
        return rows


def read_rows(path: Path) -> Rows:
    """The rows of a CSV file. Raises SpecError with every problem found, each at its line and column."""
    text = Text(str(path), _content(path))
    lines = written_lines(text)
    header = cells_of(text, lines[0]) if lines else [Cell("", Span(text, 1, 1, 1, 1))]
    order = _columns(header)
    if len(lines) > MAX_ROWS + 1:
        raise SpecError(problems.too_many(cells_of(text, lines[MAX_ROWS + 1])[0].span, MAX_ROWS))
    rows: list[_Row] = []
    found: list[Diagnostic] = []
    seen: dict[tuple[str, str], Span] = {}
    for line in lines[1:]:
        try:
            rows.append(_row(cells_of(text, line), order, path.parent, seen))
        except SpecError as error:
            found.extend(error.diagnostics)
        if len(found) >= MAX_PROBLEMS:
            break
    if found:
        raise SpecError(found)
    return Rows(
        name=text.name,
        span=header[0].span,
        compilations=tuple(row.compilation for row in rows),
        metric=np.array([row.metric for row in rows], np.float64),
        recipes=tuple(row.recipe for row in rows),
    )


@dataclass(frozen=True)
class _Row:
    compilation: Compilation
    metric: float
    recipe: str


def _columns(header: Sequence[Cell]) -> dict[str, int]:
    """Which column is which. Raises SpecError for columns that are unknown, missing or given twice."""
    order: dict[str, int] = {}
    found: list[Diagnostic] = []
    for index, cell in enumerate(header):
        name = cell.text.lower()
        if not name and len(header) == 1:
            continue
        if name not in _COLUMNS:
            message = f"no column is called {quoted(cell.text)}"
            found.append(problems.column(cell.span, message, _COLUMNS, name))
        elif name in order:
            found.append(problems.column(cell.span, f"the column {name!r} is named twice"))
        order[name] = index
    missing = [name for name in ("spec", "metric") if name not in order]
    found += [problems.column(header[0].span, f"there is no column {name!r}") for name in missing]
    if found:
        raise SpecError(found[:MAX_PROBLEMS])
    return order


def _row(line: Sequence[Cell], order: dict[str, int], folder: Path, seen: dict[tuple[str, str], Span]) -> _Row:
    if len(line) != len(order):
        raise SpecError(problems.cell_count(line[0].span, len(line), len(order)))
    spec, metric = line[order["spec"]], line[order["metric"]]
    settings = line[order["set"]].text.split(";") if "set" in order else []
    recipe = line[order["recipe"]].text if "recipe" in order else ""
    value = _number(metric.text)
    found = [] if value is not None else [problems.not_a_number(metric.span, metric.text)]
    compilation = None
    try:
        compilation = _compiled(spec.text, [setting.strip() for setting in settings if setting.strip()], folder)
        first = seen.setdefault((compilation.spec.hash, recipe), spec.span)
        if first is not spec.span:
            found.append(problems.given_twice(spec.span, first))
    except SpecError as error:
        found.append(problems.no_spec(spec.span, spec.text, error))
    if found or compilation is None or value is None:
        raise SpecError(found)
    return _Row(compilation, value, recipe)


def _compiled(spec: str, settings: Sequence[str], folder: Path) -> Compilation:
    """The compilation of a spec, costed. Raises SpecError."""
    is_path = "/" in spec or spec.endswith((".yaml", ".yml"))
    compilation = compile_spec(str(folder / spec) if is_path else spec, settings)
    features([compilation])
    return compilation


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= _LARGEST and "_" not in word else None


def _content(path: Path) -> str:
    """The text of a regular file of at most 1 MiB. Raises SpecError."""
    try:
        # Asked before opening: to open a pipe that nobody writes to would wait for ever.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SpecError(problems.unreadable(str(path), "it is not a file"))
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SpecError(problems.unreadable(str(path), f"it has more than {MAX_BYTES} bytes"))
        return content.decode("utf-8-sig")
    except OSError as error:
        raise SpecError(problems.unreadable(str(path), (error.strerror or "no reason given").lower())) from None
    except UnicodeDecodeError as error:
        raise SpecError(problems.unreadable(str(path), f"byte {error.start} is not UTF-8 text")) from None
    except ValueError:
        raise SpecError(problems.unreadable(str(path), "no file can be called so")) from None
