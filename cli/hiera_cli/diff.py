"""`hiera diff`: what two specs say differently, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiera_cli.columns import columns
from hiera_cli.options import AsJson, Settings, TaskName
from hiera_cli.output import print_json

if TYPE_CHECKING:
    from hiera_compiler import Compilation, Diagnostic
    from hiera_compiler.pipeline import Task
    from hiera_compiler.spec.difference import Difference

_COUNTS = ("params", "macs")


def diff(
    left: Annotated[str, typer.Argument(metavar="A", help="A spec file, or the name of a bundled spec.")],
    right: Annotated[str, typer.Argument(metavar="B", help="The spec to compare it with.")],
    settings: Settings = None,
    task: TaskName = "classify",
    as_json: AsJson = False,
) -> None:
    """Compare two specs and their cost.

    Shows the values that differ, with every default written out, and the cost by stage. What differs in several
    stages alike is one line. --set changes B, so that `hiera diff hiera_b hiera_b --set stages.2.depth=18` shows what
    a setting does. With --task mae the cost is that of the masked autoencoders.
    """
    pair = _compiled(left, right, settings or (), task)
    first, second = pair
    from hiera_compiler.spec.difference import differences

    found = differences(first.spec, second.spec)
    same = first.spec.hash == second.spec.hash
    rows = _cost_rows(first, second)
    if as_json:
        values = [{"path": _path(item), "a": _data(item.left), "b": _data(item.right)} for item in found]
        print_json({"same_architecture": same, "values": values, "cost": rows})
        return
    if found:
        lines = [[place, _shown(item.left), _shown(item.right)] for place, item in _folded(found)]
        typer.echo(columns(["value", left, _second(left, right)], lines))
    if same:
        typer.echo("the architecture is the same" + (", and only names differ" if found else ""))
        return
    typer.echo()
    typer.echo(_cost_table(rows))


def _compiled(left: str, right: str, settings: Sequence[str], task: Task) -> tuple[Compilation, Compilation]:
    """Both compilations with their graphs; raises SpecError with the problems of both, those of one file once."""
    from hiera_compiler import SpecError, compile

    found: dict[Diagnostic, None] = {}
    pair: list[Compilation] = []
    for name, changes in ((left, ()), (right, settings)):
        try:
            pair.append(compile(name, changes, task))
            pair[-1].graph  # noqa: B018 - the last phase that can find a problem
        except SpecError as error:
            found |= dict.fromkeys(error.diagnostics)
    if found:
        raise SpecError(found)
    return pair[0], pair[1]


def _cost_rows(left: Compilation, right: Compilation) -> list[dict[str, Any]]:
    """Parameters and multiply-accumulates of each stage of either spec, and of all; None where it has no such stage."""
    costs = [
        {row.name: {count: getattr(row, count) for count in _COUNTS} for row in side.cost.stages}
        | {"all": {count: getattr(side.cost, count) for count in _COUNTS}}
        for side in (left, right)
    ]
    # In the order of a model, whichever of the two has more stages.
    longer, shorter = sorted(costs, key=len, reverse=True)
    last = ("neck", "head", "all")
    names = [name for name in longer if name not in last]
    names += [name for name in last if name in longer or name in shorter]
    return [{"stage": name, "a": costs[0].get(name), "b": costs[1].get(name)} for name in names]


def _cost_table(rows: Sequence[dict[str, Any]]) -> str:
    header = ["stage", "params M of A", "of B", "B/A", "GMACs of A", "of B", "B/A"]
    lines = []
    for row in rows:
        cells = [row["stage"]]
        for count, unit, digits in (("params", 1e6, 2), ("macs", 1e9, 3)):
            values = [side[count] / unit if side is not None else None for side in (row["a"], row["b"])]
            cells += ["" if value is None else f"{value:.{digits}f}" for value in values]
            cells.append(_ratio(*values))
        lines.append(cells)
    return columns(header, lines, right=range(1, 7), total=True)


def _ratio(left: float | None, right: float | None) -> str:
    if left is None or right is None:
        return ""
    if left == right:
        return "="
    return f"{right / left:.3f}" if left else ""


def _path(item: Difference) -> str:
    return ".".join(map(str, item.path))


def _folded(found: Sequence[Difference]) -> Iterator[tuple[str, Difference]]:
    """The differences with their places; those that several stages have alike once, for all of these stages."""
    alike: dict[str, list[Difference]] = {}
    for item in found:
        place = item.path[2:] if item.path[0] == "stages" and len(item.path) > 2 else item.path
        alike.setdefault(repr((place, item.left, item.right)), []).append(item)
    for items in alike.values():
        first = items[0]
        stages = _ranges([item.path[1] for item in items if isinstance(item.path[1], int)]) if items[1:] else ""
        yield ".".join(map(str, ("stages", stages, *first.path[2:]))) if stages else _path(first), first


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as text, those that follow each other as a range: 0,2–4."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _data(value: object) -> object:
    from hiera_compiler.spec.difference import ABSENT

    return None if value is ABSENT else value


def _shown(value: object) -> str:
    """A value as it would be written in YAML, on one line."""
    from json import dumps

    from hiera_compiler.spec.difference import ABSENT

    match value:
        case None:
            return "none"
        case str():
            return value
        case dict():
            kept = {key: _shown(item) for key, item in value.items()}
            return "{" + ", ".join(f"{key}: {item}" for key, item in kept.items()) + "}"
    return "" if value is ABSENT else dumps(value)


def _second(left: str, right: str) -> str:
    return right if right != left else f"{right}, as set"
