"""A profile for people: one row for each spec; one spec alone also by stage and by kind of primitive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hiera_cli.columns import columns
from hiera_cli.stages import released

Row = Mapping[str, Any]

_COUNTS = ("params M", "GMACs", "GFLOPs", "acts M")


def tables(rows: Sequence[Row]) -> str:
    """The tables of profiles that share a batch and a number format, and what their columns mean."""
    parts = [_summary(rows)]
    if len(rows) == 1 and rows[0]["stages"]:
        (row,) = rows
        working = [op for op in row["ops"] if op["bytes_moved"] or op["params"]]
        parts += [_parts("stage", "blocks", row["stages"], row), _parts("op", "nodes", working, row)]
    autoencoders = {row["name"]: row["released_macs"] for row in rows if row["task"] == "mae"}
    return "\n\n".join([*parts, *released(autoencoders), _legend(rows[0])])


def _summary(rows: Sequence[Row]) -> str:
    header = ["spec", "input", *_COUNTS, "weights MB", "moved MB", "peak MB", "eager peak MB"]
    sizes = ("weight_bytes", "bytes_moved", "peak_activation_bytes", "peak_activation_bytes_eager")
    lines = [
        [row["name"], "x".join(map(str, row["input"])), *_counts(row), *(_megabytes(row[size]) for size in sizes)]
        for row in rows
    ]
    return columns(header, lines, right=range(1, len(header)))


def _parts(name: str, count: str, parts: Sequence[Row], whole: Row) -> str:
    """The table of a spec's parts, whose shares of the multiply-accumulates add up to all."""
    header = [name, count, *_COUNTS, "moved MB", "MACs %"]
    lines = [
        [part["name"], str(part[count] or ""), *_counts(part), _megabytes(part["bytes_moved"]), _share(part, whole)]
        for part in parts
    ]
    total = str(sum(part[count] for part in parts))
    lines.append(["all", total, *_counts(whole), _megabytes(whole["bytes_moved"]), _share(whole, whole)])
    return columns(header, lines, right=range(1, len(header)), total=True)


def _counts(row: Row) -> list[str]:
    return [
        f"{row['params'] / 1e6:.2f}",
        f"{row['macs'] / 1e9:.3f}",
        f"{row['flops'] / 1e9:.3f}",
        f"{row['acts'] / 1e6:.2f}",
    ]


def _megabytes(count: int | None) -> str:
    return "–" if count is None else f"{count / 1e6:.1f}"


def _share(part: Row, whole: Row) -> str:
    return f"{100 * part['macs'] / whole['macs']:.1f}"


def _legend(row: Row) -> str:
    samples = "1 sample" if row["batch"] == 1 else f"{row['batch']} samples"
    return (
        "For one sample. GMACs: 10⁹ multiply-accumulates as fvcore counts them and the papers report them (as FLOPs):\n"
        "attention included, and five per element of a normalisation. GFLOPs: 10⁹ operations as torch's\n"
        "FlopCounterMode counts them: two per multiply-add of matrix products and convolutions. acts: elements that\n"
        "these write (fvcore), attention matrices included.\n"
        f"For a batch of {samples} in {row['dtype']}. moved: bytes read and written, each primitive one kernel, and\n"
        "attention too. peak: activations alive at one time, freed after their last reader, as in compiled code;\n"
        "eager peak: as in the emitted module run eagerly, whose blocks free what they made when they return."
    )
