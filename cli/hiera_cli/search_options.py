"""The options of `hiera search`, by what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from hiera_cli.options import TASKS


def asked(values: Mapping[str, object]) -> dict[str, object]:
    """Those of a command's values that ``Request`` has, by the same names; what was not given is left out."""
    from hiera_search.explore import Request

    return {name: values[name] for name in Request.model_fields if values.get(name) not in (None, [])}


def _limit(flag: str, metavar: str, help: str) -> object:
    return typer.Option(flag, metavar=metavar, help=help, show_default=False)


SpaceName: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="SPACE", help="A space file, or the name of a bundled space; by default hiera_image."),
]
LatencyMs: TypeAlias = Annotated[
    float | None, _limit("--budget-ms", "MS", "At most so many milliseconds for one batch of --batch on --device.")
]
GMacs: TypeAlias = Annotated[
    float | None, _limit("--budget-gmacs", "G", "At most so many 10^9 multiply-accumulates a sample.")
]
MParams: TypeAlias = Annotated[float | None, _limit("--budget-mparams", "M", "At most so many 10^6 parameters.")]
MemoryGb: TypeAlias = Annotated[
    float | None, _limit("--budget-memory", "GB", "At most so many 10^9 bytes of weights and activations of a batch.")
]
MinAccuracy: TypeAlias = Annotated[
    float | None, _limit("--min-accuracy", "X", "At least this accuracy, as estimated with --accuracy.")
]
MinThroughput: TypeAlias = Annotated[
    float | None, _limit("--min-throughput", "N", "At least so many samples a second at --batch on --device.")
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The device that times are of (`hiera devices`); by default the CUDA device that was calibrated here, "
        "or else a100-40gb.",
        show_default=False,
    ),
]
Regime: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The software that runs there; by default compiled, in half precision.", show_default=False
    ),
]
Batch: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Samples in a batch; 1.", show_default=False)]
Objective: TypeAlias = Annotated[
    Literal["latency", "macs", "params", "memory"] | None,
    typer.Option("--objective", help="What the front sets against the score; latency.", show_default=False),
]
Accuracy: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="RUNG", help="The score: capacity (a size score), table, fitted, or proxy:NAME.", show_default=False
    ),
]
Rows: TypeAlias = Annotated[
    str | None, typer.Option(metavar="FILE", help="Your own measurements for --accuracy fitted: spec,metric.")
]
Risk: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="P", help="Probability that the true time exceeds a budget; 0.1.", show_default=False),
]
Task: TypeAlias = Annotated[
    TASKS | None,
    typer.Option(
        help="What limits are of: the model to classify, or the masked autoencoder's forward pass; classify.",
        show_default=False,
    ),
]
Engine: TypeAlias = Annotated[
    Literal["auto", "optuna"] | None,
    typer.Option(help="auto: every point, or evolution over look-ups; optuna: its samplers.", show_default=False),
]
Sampler: TypeAlias = Annotated[
    Literal["tpe", "nsga2", "gp", "random"] | None,
    typer.Option(help="The sampler of --engine optuna; tpe.", show_default=False),
]
Seed: TypeAlias = Annotated[int | None, typer.Option(help="Of all random choices; 0.", show_default=False)]
Candidates: TypeAlias = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Look at most at so many.", show_default=False)
]
Top: TypeAlias = Annotated[
    int | None, typer.Option(min=1, metavar="K", help="Write so many winners as specs; 20.", show_default=False)
]
MeasureTop: TypeAlias = Annotated[
    int | None,
    typer.Option("--measure", min=1, metavar="K", help="Measure the best K on this machine.", show_default=False),
]
Storage: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Where the study is kept: postgresql://...; by default in DIR.", show_default=False
    ),
]
Study: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The study's name; by default search, or in a database the space's.", show_default=False
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="The folder to write; by default build/search/SPACE."),
]
Resume: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Go on with the search of this folder; other options change what they name."),
]
Validate: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--validate-accuracy", metavar="FILE", help="Only say how well estimators rank your own measurements."
    ),
]
