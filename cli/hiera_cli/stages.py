"""The cost of a graph by stage: as a table for people, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hiera_cli.columns import columns

if TYPE_CHECKING:
    from hiera_compiler.estimate import Cost, StageCost

_HEADER = ("stage", "resolution", "tokens", "channels", "heads", "blocks", "attention", "params M", "GMACs")

_BESIDE = (
    "A forward pass gives the logits and leaves the neck out, so that its multiply-accumulates are not counted;\n"
    "`head: none` counts them."
)

_KEPT = "Resolution, while pretraining: the mask units that are kept, by the tokens in each."

MACS = (
    "GMACs: 10⁹ multiply-accumulates for one sample, counted as the papers count FLOPs:\n"
    "attention included, and five per element of a normalisation."
)


def released(macs: Mapping[str, int]) -> Iterator[str]:
    """What the authors' code computes for masked autoencoders, by their names; nothing where there are none."""
    if macs:
        yield (
            "Masked autoencoders: encoder, decoder, target and loss, with nothing computed for a dropped mask unit\n"
            "outside the decoder, nor predicted for a seen one. The released code computes more for the same loss;\n"
            f"GMACs as there: {', '.join(f'{name} {count / 1e9:.3f}' for name, count in macs.items())}."
        )


def stage_table(cost: Cost) -> str:
    """One row for each stage and one for all: parameters in millions, multiply-accumulates in billions.

    Below it, where there is a neck beside a head, why it costs nothing; and what the grids of an autoencoder are.
    """
    rows = [_cells(row) for row in cost.stages]
    blocks = str(sum(row.blocks for row in cost.stages))
    rows.append(["all", "", "", "", "", blocks, "", f"{cost.params / 1e6:.2f}", f"{cost.macs / 1e9:.3f}"])
    table = columns(_HEADER, rows, right={1, 2, 3, 4, 5, 7, 8}, total=True)
    names = {row.name for row in cost.stages}
    below = [*([_BESIDE] if {"neck", "head"} <= names else []), *([_KEPT] if "decoder" in names else [])]
    return "\n\n".join([table, *below])


def cost_data(cost: Cost) -> dict[str, Any]:
    """The cost as plain data. ``macs`` as the papers count them, ``flops`` as torch's counter does."""
    return asdict(cost)


def _cells(row: StageCost) -> list[str]:
    return [
        row.name,
        "x".join(map(str, row.grid)),
        str(row.tokens),
        str(row.channels),
        "" if row.heads is None else str(row.heads),
        str(row.blocks or ""),
        row.attention or "",
        f"{row.params / 1e6:.2f}",
        f"{row.macs / 1e9:.3f}",
    ]
