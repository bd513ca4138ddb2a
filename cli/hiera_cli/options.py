"""Arguments and options that commands share."""

from typing import Annotated, Literal, TypeAlias

import typer

SpecName: TypeAlias = Annotated[
    str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a bundled spec.", show_default=False)
]

Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value, as in stages.2.depth=18; may be repeated."),
]

TASKS: TypeAlias = Literal["classify", "mae"]

TaskName: TypeAlias = Annotated[
    TASKS,
    typer.Option("--task", help="What the model is for; mae: the masked autoencoder that pretrains it."),
]

AsJson: TypeAlias = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout; where a spec has problems, its `diagnostics`."),
]
