"""`hiera specs`: the specs that ship with the package."""

from __future__ import annotations

from typing import Any

import typer

from hiera_cli.options import AsJson
from hiera_cli.output import print_json


def specs(as_json: AsJson = False) -> None:
    """List the bundled specs and their cost."""
    from hiera_compiler import bundled_specs

    rows = [_row(name) for name in bundled_specs()]
    if as_json:
        print_json({"specs": rows})
        return
    from hiera_cli.columns import columns

    header = ["name", "input", "params M", "GMACs", "what it is"]
    typer.echo(columns(header, [_cells(row) for row in rows], right={2, 3}))


def _row(name: str) -> dict[str, Any]:
    from hiera_compiler import bundled, compile

    compilation = compile(name)
    shape = compilation.spec.input_shape
    cost = compilation.cost
    return {
        "name": name,
        "input": list(shape),
        "params": cost.params,
        "macs": cost.macs,
        "summary": bundled.summary(name),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    size = "x".join(map(str, row["input"]))
    return [row["name"], size, f"{row['params'] / 1e6:.2f}", f"{row['macs'] / 1e9:.2f}", row["summary"]]
