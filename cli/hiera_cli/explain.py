"""`hiera explain`: what a code of a diagnostic means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from hiera_cli.options import AsJson
from hiera_cli.output import print_json

_PACKAGES = ("hiera_compiler", "hiera_search")


def explain(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="Such as H301; without it, all codes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain the code of a diagnostic, or list all codes."""
    makers = _makers()
    if code is None:
        titles = {name: _explanation(name, makers[name]).splitlines()[0] for name in sorted(makers)}
        print_json(titles) if as_json else typer.echo("\n".join(f"{name}  {title}" for name, title in titles.items()))
        return
    name = code.strip().upper()
    if name not in makers:
        raise _unknown(code, makers)
    text = _explanation(name, makers[name])
    print_json({"code": name, "explanation": text}) if as_json else typer.echo(f"{name}: {text}")


def _makers() -> dict[str, str]:
    """The module that makes each code's diagnostics, found in the sources: importing all of them would take seconds."""
    import re
    from importlib.resources import files
    from pathlib import Path

    found = {}
    for package in _PACKAGES:
        folder = Path(str(files(package)))
        for file in folder.rglob("*.py"):
            module = ".".join([package, *file.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")
            names = re.findall(r'^@code\("(H\d{3})"\)', file.read_text(encoding="utf-8"), re.MULTILINE)
            found.update(dict.fromkeys(names, module))
    return found


def _explanation(name: str, module: str) -> str:
    from importlib import import_module

    from hiera_compiler.diagnostics import explanation

    import_module(module)
    return explanation(name)


def _unknown(code: str, known: Mapping[str, str]) -> typer.BadParameter:
    from hiera_compiler.diagnostics import did_you_mean, quoted

    suggestion = did_you_mean(code.strip().upper(), sorted(known))
    help = f"did you mean {suggestion}?" if suggestion else "`hiera explain` lists the codes"
    return typer.BadParameter(f"there is no code {quoted(code)}; {help}")
