"""`hiera specs`: the specs and spaces that ship with the package."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hiera_cli.options import AsJson
from hiera_cli.output import print_json


def specs(
    folder: Annotated[str | None, typer.Argument(help="List a folder of more specs, such as detection.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the bundled specs and spaces.

    Specs are shown with their cost, spaces with the number of their points.
    """
    from hiera_compiler import bundled, bundled_specs

    if folder is not None and folder not in bundled.folders():
        raise typer.BadParameter(f"there is no folder {folder!r}, only {', '.join(bundled.folders())}")
    rows = [_row(name) for name in (bundled_specs() if folder is None else bundled.folder(folder))]
    spaces = [_space_row(name) for name in bundled.spaces()] if folder is None else []
    if as_json:
        print_json({"specs": rows} | ({} if folder else {"spaces": spaces, "folders": bundled.folders()}))
        return
    from hiera_cli.columns import columns

    header = ["name", "input", "params M", "GMACs", "what it is"]
    typer.echo(columns(header, [_cells(row) for row in rows], right={2, 3}))
    if folder is None:
        typer.echo(_spaces(spaces))
        typer.echo(f"\nmore specs, listed by `hiera specs FOLDER`, are in: {', '.join(bundled.folders())}")


def _spaces(spaces: list[dict[str, Any]]) -> str:
    from hiera_cli.columns import columns
    from hiera_search.report.figures import count

    shown = [[row["name"], count(row["points"]), str(row["holes"]), row["summary"]] for row in spaces]
    return "\n" + columns(["space", "points", "holes", "what it is"], shown, right={1, 2})


def _space_row(name: str) -> dict[str, Any]:
    from hiera_compiler import bundled
    from hiera_search.space import load_space

    space = load_space(name)
    return {"name": name, "points": space.points, "holes": len(space.holes), "summary": bundled.summary(name)}


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
