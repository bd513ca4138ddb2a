"""What the compiler itself says of the points of a space, one by one, and the comparison with a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hiera_compiler import Compilation
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.profiles import Profile
from hiera_compiler.pipeline import Task
from hiera_search.space import Refused, Space, load_space
from hiera_search.table import Columns, Table, capacity, memory_bytes

FIGURES = ("params", "macs", "flops", "memory", "capacity", "latency_ms")
Row = tuple[str, tuple[float, ...]]
"""The code that refuses a point, or the empty text, and its figures."""


def space_of(data: dict[str, Any], folder: Path) -> Space:
    """A space given as plain data, by way of a file."""
    file = folder / "space.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return load_space(str(file))


def every_choice(space: Space) -> NDArray[np.int32]:
    """All combinations of options, those of holes that do not exist included."""
    digits = space.digits()
    return np.indices(digits, np.int32).reshape(len(digits), prod(digits)).T


def said_by_the_compiler(
    space: Space, choice: Sequence[int], profile: Profile | None, batch: int, task: Task = "classify"
) -> Row:
    """The figures of one point, by filling it in and compiling it."""
    nothing = (0,) * len(FIGURES)
    try:
        made = Compilation(space.fill(choice), task)
        graph, cost, stages = made.graph, made.cost, made.spec.stages
        milliseconds = 0.0 if profile is None else predict(graph, profile, batch).latency_ms
    except Refused as refused:
        return refused.code, nothing
    except SpecError as error:
        return error.diagnostics[0].code, nothing
    size = sum(stage.depth * capacity(stage) for stage in stages)
    memory = memory_bytes(graph, cost.params, profile, batch)
    return "", (cost.params, cost.macs, cost.flops, memory, size, milliseconds)


def said_by_the_table(table: Table, columns: Columns, place: int) -> Row:
    """The figures of one row."""
    return table.codes[columns.refused[place]], tuple(getattr(columns, name)[place].item() for name in FIGURES)


def assert_prices_are_exact(
    space: Space,
    choices: NDArray[np.int32],
    profile: Profile | None = None,
    batch: int = 1,
    task: Task = "classify",
) -> set[str]:
    """Every figure and every refusal of these candidates is the compiler's; the codes that there were."""
    table = Table(space, profile, batch, task)
    columns = table.price(choices)
    rows = {tuple(choice): place for place, choice in enumerate(choices.tolist())}
    for choice, place in rows.items():
        expected = said_by_the_compiler(space, choice, profile, batch, task)
        assert said_by_the_table(table, columns, place) == expected, space.value((), choice)
    assert table.codes[0] == ""
    return {table.codes[code] for code in columns.refused.tolist()}
