"""The evaluation of the predictions, as data and for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from hiera_cli.columns import columns

if TYPE_CHECKING:
    from hiera_compiler.estimate.evaluation import Evaluation, Summary
    from hiera_compiler.estimate.paper_throughput import Row, Unpredicted


def evaluation_data(found: Evaluation) -> dict[str, Any]:
    """The evaluation as plain data; errors are shares, as 0.05 for 5 %."""
    return {
        "rows": row_data(found.rows),
        "summaries": [asdict(one) | {"met": one.met} for one in found.summaries],
        "coverages": [asdict(one) | {"share": one.share, "met": one.met} for one in found.coverages],
        "unpredicted": [asdict(one) for one in found.unpredicted],
    }


def row_data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The paper's throughput beside the predicted one as plain data."""
    return [asdict(row) | {"error": row.error, "inside": row.inside} for row in rows]


def throughput(rows: Sequence[Row], unpredicted: Sequence[Unpredicted]) -> str:
    """The paper's throughput beside the predicted one, table by table, and that of models without a graph."""
    from hiera_compiler.estimate.evidence import paper

    ordered = sorted(rows, key=lambda row: int(row.table.removeprefix("table_")))
    notes = paper()["notes"]
    tables = groupby(ordered, key=lambda row: row.table)
    parts = [_table(name, list(several), notes.get(name, "")) for name, several in tables]
    return "\n\n".join([*parts, *([_without_graph(unpredicted)] if unpredicted else [])])


def _without_graph(rows: Sequence[Unpredicted]) -> str:
    """What was counted on public implementations of models that are not predicted, and a line for each reason."""
    header = ["not predicted", "table", "unit", "paper", "params M", "GMACs"]
    lines = []
    for row in rows:
        counts = (row.params, 1e6), (row.macs, 1e9)
        counted = ["" if count is None else f"{count / unit:.2f}" for count, unit in counts]
        lines.append([row.name, row.table.removeprefix("table_"), row.unit, f"{row.published:.1f}", *counted])
    parts = [columns(header, lines, right=(1, 3, 4, 5))]
    for (reason, source), several in groupby(rows, key=lambda row: (row.reason, row.counted_on)):
        counted_on = f"; counted on {source}" if source else ""
        parts.append(f"{', '.join(row.name for row in several)}: {reason}{counted_on}")
    return "\n".join(parts)


def held_out(found: Evaluation) -> str:
    """One line for each group of held-out rows, what was fitted on what, and how many rows lie in their intervals."""
    sources = dict(zip(dict.fromkeys(one.fitted_on for one in found.summaries), ascii_lowercase, strict=False))
    header = ["held-out rows", "rows", "mean %", "worst %", "goal %", "", "fit"]
    lines = [[*_summary(one), sources[one.fitted_on]] for one in found.summaries]
    parts = [columns(header, lines, right=range(1, 5))]
    parts.append("\n".join(f"fit {letter}: {source}" for source, letter in sources.items()))
    parts.append("\n".join(_coverages(found)))
    return "\n\n".join(parts)


def _table(name: str, rows: list[Row], note: str) -> str:
    header = ["model", "unit", "paper", "predicted", "error %", "90 % interval", ""]
    lines = [
        [
            row.name,
            row.unit,
            f"{row.published:.1f}",
            f"{row.predicted:.1f}",
            f"{100 * row.error:+.1f}",
            f"{row.low:.1f}–{row.high:.1f}",
            "" if row.inside else "outside",
        ]
        for row in rows
    ]
    title = f"Table {name.removeprefix('table_')}: throughput on an A100 40 GB, as the paper measured"
    parts = [title, columns(header, lines, right=range(2, 6)), f"mean error: {', '.join(_means(rows))}"]
    return "\n".join([*parts, *([note] if note else [])])


def _means(rows: list[Row]) -> Iterator[str]:
    """The mean error of Hiera, apart from it that of ViT, whose rows on images are what was fitted, and of Table 1."""
    for name, is_one in (("Hiera", "hiera"), ("ViT", "vit"), ("MViTv2 to Hiera", "")):
        errors = [abs(row.error) for row in rows if _family(row) == is_one]
        if errors:
            yield f"{name} {100 * sum(errors) / len(errors):.1f} %"


def _family(row: Row) -> str:
    return next((family for family in ("hiera", "vit") if row.name.startswith(family)), "")


def _summary(one: Summary) -> list[str]:
    goal = "" if one.goal is None else f"{100 * one.goal:.1f}"
    verdict = {None: "", True: "met", False: "missed"}[one.met]
    return [one.title, str(one.rows), f"{100 * one.mean:.1f}", f"{100 * one.worst:.1f}", goal, verdict]


def _coverages(found: Evaluation) -> Iterator[str]:
    for one in found.coverages:
        goal = f"goal {100 * one.low:.0f}–{100 * one.high:.0f} %, {'met' if one.met else 'missed'}"
        yield f"{one.title}: {one.inside} of {one.rows} inside, {100 * one.share:.0f} % ({goal})"
