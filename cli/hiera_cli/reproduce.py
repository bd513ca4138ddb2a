"""`hiera reproduce`: the paper's tables beside ours, and how good the predictions are."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiera_cli.columns import columns
from hiera_cli.evaluation_tables import evaluation_data, held_out, row_data, throughput
from hiera_cli.exits import PROBLEMS
from hiera_cli.options import AsJson
from hiera_cli.output import print_json

if TYPE_CHECKING:
    from hiera_compiler.estimate.evaluation import Evaluation
    from hiera_compiler.estimate.paper_throughput import Row, Unpredicted
    from hiera_compiler.estimate.published import PublishedRow, PublishedTable


def reproduce(
    predictions: Annotated[
        bool, typer.Option("--predictions", help="Also say how good predictions are, on rows that were left out.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the paper's tables beside ours.

    The tables hold parameters, multiply-accumulates, and the throughput of an A100, which is predicted.

    Exits with 1 if parameters or multiply-accumulates, rounded as in the paper, are not the paper's, and it is not
    known why.
    """
    from hiera_compiler.estimate.published import cost_tables

    tables = [_table(table) for table in cost_tables()]
    passed = all(row["agrees"] is not False or row["note"] for table in tables for row in table["rows"])
    found = _evaluation() if predictions else None
    rows, unpredicted = (found.rows, found.unpredicted) if found else _throughput()
    if as_json:
        data = {"agrees": passed, "tables": tables, "throughput": row_data(rows)}
        data["unpredicted"] = [asdict(row) for row in unpredicted]
        print_json(data | ({"predictions": evaluation_data(found)} if found else {}))
    else:
        parts = [*map(_text, tables), throughput(rows, unpredicted)]
        typer.echo("\n\n".join([*parts, *([held_out(found)] if found else [])]))
    if not passed:
        raise typer.Exit(PROBLEMS)


def _throughput() -> tuple[tuple[Row, ...], tuple[Unpredicted, ...]]:
    from hiera_compiler import compile
    from hiera_compiler.estimate.paper_throughput import paper_rows, unpredicted_rows

    return tuple(paper_rows(lambda name: compile(name).graph)), tuple(unpredicted_rows())


def _evaluation() -> Evaluation:
    from hiera_compiler import compile
    from hiera_compiler.estimate.evaluation import evaluate

    return evaluate(lambda name: compile(name).graph)


def _table(table: PublishedTable) -> dict[str, Any]:
    return {
        "table": table.number,
        "title": table.title,
        "about_the_rest": table.rest.about or None,
        "rows": list(map(_row, table.rows)),
    }


def _row(row: PublishedRow) -> dict[str, Any]:
    """A row of the paper with our counts of the same model; none where no spec of that name ships."""
    from hiera_compiler import bundled, compile

    found: dict[str, Any] = {"model": row.model, "settings": list(row.settings), "note": row.note}
    found["paper"] = {"mparams": row.mparams, "gmacs": row.gmacs}
    if bundled.path(row.model) is None:
        return found | {"params": None, "macs": None, "error": None, "rest": None, "agrees": None}
    cost = compile(row.model, row.settings).cost
    mparams, gmacs = row.errors(cost.params, cost.macs)
    found |= {"params": cost.params, "macs": cost.macs, "error": {"mparams": mparams, "gmacs": gmacs}}
    rest = {"mparams": row.mparams - cost.params / 1e6, "gmacs": row.gmacs - cost.macs / 1e9}
    return found | {"rest": rest, "agrees": not (mparams or gmacs)}


def _text(table: dict[str, Any]) -> str:
    """A table, the models that have no spec, and one line that sums it up."""
    known = [row for row in table["rows"] if row["agrees"] is not None]
    about = table["about_the_rest"]
    last = "rest" if about else "error"
    header = ["model", "params M", "paper", last, "GMACs", "paper", last]
    cells = [_cells(row, of_the_whole=not about) for row in known]
    if any(row["settings"] for row in known):
        header.append("with")
        cells = [[*several, _changes(row["settings"])] for several, row in zip(cells, known, strict=True)]
    lines = [f"Table {table['table']}: {table['title']}", columns(header, cells, right=range(1, 7))]
    if about:
        lines.append(about)
    missing = [row["model"] for row in table["rows"] if row["agrees"] is None and not row["note"]]
    if missing:
        lines.append(f"missing, for want of a spec: {', '.join(missing)}")
    lines += _reasons(table["rows"])
    equal = sum(row["agrees"] for row in known)
    with_rest = "with the rest added, " if about else ""
    lines.append(f"{with_rest}{equal} of {len(known)} rows equal the paper's, rounded as there")
    return "\n".join(lines)


def _reasons(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each reason why rows are not equal, or are not there."""
    models: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["note"] and not row["agrees"]:
            what = "not covered" if row["agrees"] is None else "not equal"
            models.setdefault((what, row["note"]), []).append(row["model"])
    ordered = sorted(models.items(), key=lambda one: one[0][0], reverse=True)  # not equal, then not covered
    return [f"{what}: {', '.join(dict.fromkeys(names))}: {note}" for (what, note), names in ordered]


def _changes(settings: list[str]) -> str:
    """What a row changes in its spec, each value once, by the last part of its key."""
    pairs = (setting.partition("=") for setting in settings)
    return ", ".join(dict.fromkeys(f"{key.rpartition('.')[2]} {value}" for key, _, value in pairs))


def _cells(row: dict[str, Any], *, of_the_whole: bool) -> list[str]:
    """The row as it is shown: by how much ours exceeds the paper's, or what the paper's has beside ours."""
    cells = [row["model"]]
    for count, unit, name in ((row["params"], 1e6, "mparams"), (row["macs"], 1e9, "gmacs")):
        error, rest = row["error"][name], f"{row['rest'][name]:.1f}"
        shown = (f"{error:+d}" if error else "0") if of_the_whole else rest
        cells += [f"{count / unit:.2f}", str(row["paper"][name]), shown]
    return cells
