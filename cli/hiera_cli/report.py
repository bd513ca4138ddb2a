"""`hiera report`: the page of a search's result, drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiera_cli.files import write
from hiera_cli.options import AsJson
from hiera_cli.output import print_json


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that `hiera search -o` wrote.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page to write; by default DIR/report.html."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw the page of a search's result again, and print its front.

    Everything is taken from the folder's front.json: nothing is searched or evaluated again.
    """
    from hiera_search.report import read_front, render
    from hiera_search.report.files import PAGE

    front = read_front(folder)
    page = output or folder / PAGE
    write(page, render(front))
    if as_json:
        print_json(front.summary())
    else:
        from hiera_cli.front_table import front_table, room

        typer.echo(front_table(front, room()))
    typer.echo(f"wrote {page}", err=True)
