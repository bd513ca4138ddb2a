"""`hiera schema`: the spec language for editors, and for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiera_cli.files import write


def schema(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file instead of stdout.", show_default=False),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The reference of the language, as Markdown.")] = False,
    space: Annotated[
        bool, typer.Option("--space", help="The schema of spaces, where every value may be a hole.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The JSON Schema; this is the default.")] = False,
) -> None:
    """Print the JSON Schema of the spec language.

    Editors complete and check specs with it (draft 2020-12).
    """
    if markdown and (as_json or space):
        raise typer.BadParameter(f"--markdown and {'--json' if as_json else '--space'} exclude each other")
    text = _reference() if markdown else _schema(space)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write(output, text)
        typer.echo(f"wrote {output}", err=True)


def _schema(space: bool) -> str:
    from json import dumps

    from hiera_compiler.spec import json_schema, space_schema

    return dumps(space_schema() if space else json_schema(), indent=2, ensure_ascii=False) + "\n"


def _reference() -> str:
    from hiera_compiler.spec.reference import reference

    return reference()
