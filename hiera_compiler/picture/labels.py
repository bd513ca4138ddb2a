"""What a primitive is called in a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from hiera_compiler.ir import (
    Activate,
    Add,
    AsGrid,
    AsTokens,
    Attend,
    Convolution,
    CropGrid,
    Dropout,
    DropPath,
    FirstToken,
    Input,
    JoinChannels,
    JoinHeads,
    JoinTokens,
    KeepUnits,
    LayerScale,
    Linear,
    Mean,
    MergeTokens,
    Norm,
    Op,
    PadGrid,
    PatchEmbed,
    Pool,
    RelativeBias,
    RelativePosition,
    RollGrid,
    ShiftMask,
    Sinusoid,
    SliceTokens,
    SlidingConvolution,
    SlidingPool,
    Split,
    SplitHeads,
    Table,
    ToGrid,
    ToUnits,
    TransposedConvolution,
    Upsample,
)
from hiera_compiler.ir.masking import LastTokens, MaskedTokens, PatchEmbedKept, UnitConv
from hiera_compiler.ir.op import words
from hiera_compiler.ir.target import Gradients, Patches, SquaredError, Standardise


@dataclass(frozen=True)
class Part:
    """One box: what it is called, its sizes, and the family that gives it its colour.

    ``brief`` are the sizes where space is short.
    """

    word: str
    detail: str = ""
    family: str = "other"
    brief: str | None = None

    def __str__(self) -> str:
        return f"{self.word} {self.detail if self.brief is None else self.brief}".rstrip()


def by(sizes: tuple[int, ...]) -> str:
    """Sizes as they are written: ``7×7``."""
    return "×".join(map(str, sizes))


def strided(kernel: tuple[int, ...], stride: tuple[int, ...]) -> str:
    """A kernel, and its stride where that is neither 1 nor as large as the kernel."""
    return by(kernel) if stride == kernel or max(stride) == 1 else f"{by(kernel)} every {by(stride)}"


def part(op: Op) -> Part:
    """The box of a primitive. One that is not in the table goes by the words of its class's name."""
    make = _PARTS.get(type(op))
    return make(op) if make is not None else Part(words(op))


def is_drawn(op: Op) -> bool:
    """False for what changes no number, or does so in training only."""
    return not isinstance(
        op,
        Input | Split | SliceTokens | DropPath | KeepUnits | AsGrid | AsTokens | ToGrid | SplitHeads | JoinHeads,
    )


def _patch(op: PatchEmbed) -> Part:
    return Part("patches", strided(op.kernel, op.stride), "linear")


def _units(op: ToUnits) -> Part:
    if op.layout.is_raster:
        return Part("tokens", by(op.layout.grid), "order")
    return Part("mask units", f"{prod(op.layout.units)} of {by(op.layout.unit)}", "order")


def _attend(op: Attend) -> Part:
    heads = f"{op.heads} head{'s' if op.heads > 1 else ''}"
    if op.across_units:
        return Part("global attention", heads, "attend globally", f"({heads})")
    return Part("mask unit attention", heads, "attend in units", f"({heads})")


_MASKED: dict[type[Op], Callable[[Any], Part]] = {
    PatchEmbedKept: lambda op: Part("patches", f"of {op.count} kept mask units", "linear"),
    UnitConv: lambda op: Part("convolution", f"{by(op.kernel)} in units", "linear", by(op.kernel)),
    LastTokens: lambda op: Part("masked", "", "order"),
    MaskedTokens: lambda op: Part("masked tokens", f"of {op.units - op.kept} mask units", "order"),
    Patches: lambda op: Part("pixels", f"of {by(op.patch)}", "order"),
    Standardise: lambda op: Part("standardise", "", "norm"),
    Gradients: lambda op: Part("histograms of gradients", f"in cells of {op.cell}×{op.cell}", "linear"),
    SquaredError: lambda op: Part("squared error", "", "pointwise"),
}

_PARTS: dict[type[Op], Callable[[Any], Part]] = {
    **_MASKED,
    Activate: lambda op: Part(op.function, "", "pointwise"),
    Add: lambda op: Part("add", "", "pointwise"),
    Attend: _attend,
    Dropout: lambda op: Part("dropout", f"{op.rate:g}", "pointwise"),
    Linear: lambda op: Part("linear", f"{op.in_channels} → {op.out_channels}", "linear", str(op.out_channels)),
    Mean: lambda op: Part("mean", "of tokens", "pool"),
    Norm: lambda op: Part("norm", "", "norm"),
    PatchEmbed: _patch,
    Pool: lambda op: Part(f"{op.reduction} pool", by(op.fold), "pool"),
    SlidingPool: lambda op: Part(f"{op.reduction} pool", strided(op.kernel, op.stride), "pool"),
    LayerScale: lambda op: Part("scale", "", "pointwise"),
    JoinChannels: lambda op: Part("join", "channels", "order"),
    JoinTokens: lambda op: Part("+ class token", "", "table"),
    SlidingConvolution: lambda op: Part("depth-wise conv", strided(op.kernel, op.stride), "pool"),
    RelativePosition: lambda op: Part("+ relative position", " to ".join(map(by, op.sides)), "table"),
    FirstToken: lambda op: Part("class token", "", "pool"),
    PadGrid: lambda op: Part("pad", by(op.padding), "order"),
    MergeTokens: lambda op: Part("merge", by(op.stride), "pool"),
    RelativeBias: lambda op: Part("+ relative positions", by(op.keys.unit), "table", ""),
    RollGrid: lambda op: Part("shift" if max(op.shift) > 0 else "shift back", by(tuple(map(abs, op.shift))), "order"),
    ShiftMask: lambda op: Part("+ shift mask", by(op.shift), "table", ""),
    CropGrid: lambda op: Part("crop", by(op.grid), "order"),
    Sinusoid: lambda op: Part("+ sinusoid", by(op.grid), "table"),
    Table: lambda op: Part("+ table", by(op.grid), "table"),
    ToUnits: _units,
    Convolution: lambda op: Part("convolution", f"{by(op.kernel)} → {op.out_channels}", "linear", by(op.kernel)),
    TransposedConvolution: lambda op: Part("transposed convolution", by(op.kernel), "linear"),
    Upsample: lambda op: Part("repeat", by(op.factors), "order"),
}
