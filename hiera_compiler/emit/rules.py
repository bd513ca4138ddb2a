"""How each primitive is written in Python: its module, if it has one, and its call.

Everything that reaches the text is a number, a tuple of numbers or a word of our own; nothing that a user
wrote is copied into code.
"""

from __future__ import annotations

from collections.abc import Callable
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
    ResizeTable,
    RollGrid,
    ShiftMask,
    Sinusoid,
    SliceTokens,
    SlidingConvolution,
    SlidingPool,
    Split,
    SplitHeads,
    Table,
    TileTable,
    ToGrid,
    ToUnits,
    TransposedConvolution,
    Upsample,
)

Constructor = Callable[[Any], str]
Call = Callable[..., str]


def _folds(op: Any) -> tuple[Any, Any]:
    """The order of a unit's tokens before and after; that of a single token says, too, how many axes there are."""
    before, after = (layout.folds or ((1,) * len(layout.units),) for layout in (op.before, op.after))
    return before, after


CONSTRUCTORS: dict[type[Op], Constructor] = {
    PatchEmbed: lambda op: (
        f"nn.Conv{len(op.kernel)}d({op.in_channels}, {op.out_channels}, {op.kernel}, {op.stride}, {op.padding})"
    ),
    Table: lambda op: f"nn.Parameter(torch.zeros(1, {prod(op.grid)}, {op.channels}))",
    Norm: lambda op: f"nn.LayerNorm({op.channels}, eps={op.epsilon!r})",
    Linear: lambda op: f"nn.Linear({op.in_channels}, {op.out_channels}{'' if op.bias else ', bias=False'})",
    LayerScale: lambda op: f"LayerScale({op.channels}, {op.initial!r})",
    Sinusoid: lambda op: f"Sinusoid({op.grid}, {op.channels})",
    RelativeBias: lambda op: f"RelativeBias({op.heads}, {op.keys.folds}, {op.queries.folds})",
    ShiftMask: lambda op: f"ShiftMask({op.windows.units}, {op.windows.folds}, {op.shift})",
    SlidingConvolution: lambda op: (
        f"nn.Conv{len(op.kernel)}d({op.channels}, {op.channels}, {op.kernel}, {op.stride}, {op.padding}, "
        f"groups={op.channels}, bias=False)"
    ),
    RelativePosition: lambda op: (
        f"RelativePosition({op.heads}, {op.width}, {op.folds[0]}, {op.folds[1]}"
        f"{f', {op.queries.units}' * op.across_units}{', class_token=True' * op.class_token})"
    ),
    Convolution: lambda op: (
        f"nn.Conv{len(op.kernel)}d({op.in_channels}, {op.out_channels}, {op.kernel}, "
        f"padding={tuple(side // 2 for side in op.kernel)}{'' if op.bias else ', bias=False'})"
    ),
    TransposedConvolution: lambda op: (
        f"nn.ConvTranspose{len(op.kernel)}d({op.in_channels}, {op.out_channels}, {op.kernel}, {op.kernel})"
    ),
    DropPath: lambda op: "DropPath(drop_path)",
    Dropout: lambda op: f"nn.Dropout({op.rate!r})",
}
"""The module (or parameter) of primitives that have one."""

CALLS: dict[type[Op], Call] = {
    Input: lambda op, own: "pixels",
    PatchEmbed: lambda op, own, x: f"{own}({x}).movedim(1, -1)",
    Table: lambda op, own: f"{own}.view(1, {', '.join(map(str, op.grid))}, {op.channels})",
    Add: lambda op, own, x, y: f"{x} + {y}",
    ToUnits: lambda op, own, x: f"to_units({x}, {op.layout.folds}){'.contiguous()' if op.layout.is_raster else ''}",
    KeepUnits: lambda op, own, x: f"select_units({x}, kept)",
    ToGrid: lambda op, own, x: f"to_grid({x}, {op.layout.units}, {op.layout.folds})",
    Norm: lambda op, own, x: f"{own}({x})",
    Linear: lambda op, own, x: f"{own}({x})",
    Split: lambda op, own, x: f"{x}.chunk({op.parts}, dim=-1)[{op.index}]",
    Pool: lambda op, own, x: f"pool_{op.reduction}({x}, {prod(op.fold)})",
    Attend: lambda op, own, q, k, v, *bias: (
        f"attend{'_biased' * len(bias)}({', '.join((q, k, v, *bias))}, "
        f"heads={op.heads}, across_units={op.across_units})"
    ),
    RelativeBias: lambda op, own: f"{own}()",
    ShiftMask: lambda op, own: f"{own}()",
    Activate: lambda op, own, x: f"F.{op.function}({x})",
    DropPath: lambda op, own, x: f"{own}({x})",
    Dropout: lambda op, own, x: f"{own}({x})",
    Mean: lambda op, own, x: f"{x}.mean((1, 2))",
    Sinusoid: lambda op, own: f"{own}()",
    ResizeTable: lambda op, own, table: f"resize_table({table}, {op.grid}, antialias={op.antialias})",
    TileTable: lambda op, own, table: f"tile_table({table}, {op.grid})",
    LayerScale: lambda op, own, x: f"{own}({x})",
    JoinChannels: lambda op, own, x, y: f"torch.cat(({x}, {y}), -1)",
    JoinTokens: lambda op, own, front, x: f"join_tokens({front}, {x})",
    SliceTokens: lambda op, own, x: f"{x}[:, :, {op.start}:{op.stop}]",
    FirstToken: lambda op, own, x: f"{x}[:, 0, 0]",
    SlidingPool: lambda op, own, x: f"slide_{op.reduction}({x}, {_folds(op)}, {op.kernel}, {op.stride}, {op.padding})",
    SlidingConvolution: lambda op, own, x: f"slide_convolution({x}, {own}, {_folds(op)})",
    SplitHeads: lambda op, own, x: f"{x}.unflatten(-1, ({op.heads}, -1))",
    JoinHeads: lambda op, own, x: f"{x}.flatten(-2)",
    RelativePosition: lambda op, own, query: f"{own}({query})",
    AsTokens: lambda op, own, x: f"{x}.flatten(1, -2).unsqueeze(1)",
    AsGrid: lambda op, own, x: f"{x}.unflatten(2, {op.grid})[:, 0]" if len(op.grid) > 1 else f"{x}[:, 0]",
    PadGrid: lambda op, own, x: f"pad_grid({x}, {op.padding})",
    RollGrid: lambda op, own, x: (
        f"{x}.roll({tuple(-side for side in op.shift if side)}, "
        f"{tuple(1 + axis for axis, side in enumerate(op.shift) if side)})"
    ),
    MergeTokens: lambda op, own, x: f"merge_tokens({x}, {_folds(op)}, {op.stride})",
    CropGrid: lambda op, own, x: f"crop_grid({x}, {op.grid})",
    Convolution: lambda op, own, x: f"{own}({x}.movedim(-1, 1)).movedim(1, -1)",
    TransposedConvolution: lambda op, own, x: f"{own}({x}.movedim(-1, 1)).movedim(1, -1)",
    Upsample: lambda op, own, x: f"repeat_tokens({x}, {op.factors})",
}
"""The expression that computes a primitive, from its own attribute and its inputs' variables."""
