"""`hiera check`: every problem of every spec, as far as the graph's shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hiera_cli.exits import PROBLEMS, show_problems
from hiera_cli.options import AsJson, Settings
from hiera_cli.output import print_json

if TYPE_CHECKING:
    from hiera_compiler.diagnostics import Diagnostic


def check(
    specs: Annotated[
        list[str], typer.Argument(metavar="SPEC...", help="Spec files, or names of bundled specs.", show_default=False)
    ],
    settings: Settings = None,
    format: Annotated[
        Literal["text", "json", "github"],
        typer.Option(help="text: for people, on stderr. json, and github's annotations: on stdout."),
    ] = "text",
    as_json: AsJson = False,
) -> None:
    """Check specs, and show all problems of all of them.

    Checks go as far as the shapes of every layer, so that what passes builds. Exits with 1 if there is a problem.
    """
    from hiera_compiler.diagnostics import render

    found = {name: _problems(name, settings or ()) for name in specs}
    # One `--set`, or one base of several specs, may be behind the same problem many times.
    problems = tuple(dict.fromkeys(diagnostic for several in found.values() for diagnostic in several))
    if as_json or format == "json":
        passed = [{"spec": name, "passes": not several} for name, several in found.items()]
        from json import loads

        print_json({"specs": passed, **loads(render(problems, "json"))})
    elif format == "github" and problems:
        typer.echo(render(problems, "github"))
    elif format == "text":
        show_problems(problems)
    typer.echo(_summary(found), err=True)
    if problems:
        raise typer.Exit(PROBLEMS)


def _problems(name: str, settings: Sequence[str]) -> Sequence[Diagnostic]:
    from hiera_compiler import SpecError, compile

    try:
        compile(name, settings).graph  # noqa: B018 - the graph is the last phase that can find a problem
    except SpecError as error:
        return error.diagnostics
    return ()


def _summary(found: dict[str, Sequence[Diagnostic]]) -> str:
    failed = sum(map(bool, found.values()))
    passed = len(found) - failed
    if not failed:
        return f"{passed} specs pass" if passed > 1 else "1 spec passes"
    if len(found) == 1:
        return "1 spec has problems"
    return f"{failed} of {len(found)} specs {'has' if failed == 1 else 'have'} problems"
