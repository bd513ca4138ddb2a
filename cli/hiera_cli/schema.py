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
    as_json: Annotated[bool, typer.Option("--json", help="The JSON Schema; this is the default.")] = False,
) -> None:
    """Print the JSON Schema of the spec language.

    Editors complete and check specs with it (draft 2020-12).
    """
    if markdown and as_json:
        raise typer.BadParameter("--markdown and --json exclude each other")
    text = _reference() if markdown else _schema()
    if output is None:
        typer.echo(text, nl=False)
    else:
        write(output, text)
        typer.echo(f"wrote {output}", err=True)


def _schema() -> str:
    from json import dumps

    from hiera_compiler import json_schema

    return dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _reference() -> str:
    from hiera_compiler.spec.reference import reference

    return reference()
