"""Attention inside windows."""

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hiera_compiler.diagnostics import times
from hiera_compiler.ir import Add, RelativeBias, ShiftMask, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import MultiHeadAttention, in_windows, out_of_windows
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import Attention, BlockContext, Pooling

MOST_PADDED = 4_000_000
"""Tokens of a padded grid: more are the doing of a window that is mistyped, for a model has a million at most."""


class WindowAttention(MultiHeadAttention):
    """Each token attends to the tokens of its own window; where windows do not divide the grid, it is padded.

    Zeros are added after the normalisation, below and to the right, and take part in attention as keys (SAM 2). A
    block that pools its queries pools the window with them.
    """

    kind: Literal["window"] = "window"
    by_position: ClassVar[tuple[str, ...]] = ("shift",)
    window: Annotated[
        tuple[int, ...], Extent(time=1), Field(description="Tokens along each axis of a window.", examples=[4])
    ]
    shift: Annotated[
        bool,
        silent(False),
        Field(
            description="Whether every second block of the stage has its windows shifted by half a window, along axes "
            "where there is more than one (Swin)."
        ),
    ] = False
    relative_bias: Annotated[
        bool,
        silent(False),
        Field(description="Whether each head adds a learned number to its scores for each offset in a window (Swin)."),
    ] = False

    @property
    def mask_units(self) -> bool | None:
        return False

    @property
    def takes_class_token(self) -> bool:
        return False

    def at(self, position: int) -> Attention:
        return self if position % 2 else self.model_copy(update={"shift": False})

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        windows = self._windows(builder, block)
        shift = self._shift(windows)
        x = in_windows(builder, "attn", x, block.layout.grid, windows.layout, shift)
        x = self.attended(builder, x, windows, across_units=False, bias=self._bias(builder, windows, shift))
        return out_of_windows(builder, "attn", x, block.pooled_layout.grid, windows.pooled_layout, shift)

    def _windows(self, builder: GraphBuilder, block: BlockContext) -> BlockContext:
        """The block with its windows in the place of mask units; a pooling consumes the first fold of a window."""
        counts = tuple(-(-side // step) for side, step in zip(block.layout.grid, self.window, strict=True))
        padded = tuple(count * side for count, side in zip(counts, self.window, strict=True))
        if prod(padded) > MOST_PADDED:
            message = f"windows of {times(self.window)} tokens pad the grid to {times(padded)}"
            help = f"use windows of at most {times(block.layout.grid)} tokens, which is the whole grid"
            builder.refuse("attn.padded", message, help, at="attention")
        if block.pool is None:
            return BlockContext(block.channels, block.heads, UnitLayout(counts, (self.window,)), None)
        stride = block.pool.stride
        rest = tuple(side // step for side, step in zip(self.window, stride, strict=True))
        windows = BlockContext(block.channels, block.heads, UnitLayout(counts, (stride, rest)), block.pool)
        self._require_pools(builder, windows, block.pool)
        return windows

    def _require_pools(self, builder: GraphBuilder, windows: BlockContext, pool: Pooling) -> None:
        """Refuse a pooling of which a window does not leave the part that the grid leaves."""
        stride, rest = windows.layout.folds
        window, made = times(self.window), pool.pooled(windows.layout).unit
        if windows.layout.unit != self.window:
            near = times(max(1, round(side / step)) * step for side, step in zip(self.window, stride, strict=True))
            message = f"windows of {window} tokens cannot be pooled by {times(stride)}"
            builder.refuse("attn.windows", message, f"use windows of {near} tokens", at="pool")
        elif made != rest:
            made_of_it = f"pooling makes {times(made)} tokens of a window of {window}, not {times(rest)}"
            message, _ = pool.misfit(windows.layout) or (made_of_it, "")
            help = "use a kernel that, less twice the padding, is at least 1 and at most the stride"
            builder.refuse("attn.windows", message, help, at="pool")

    def _shift(self, windows: BlockContext) -> tuple[int, ...]:
        """Half a window along the axes that have more than one; a block that pools is the first, and not shifted."""
        if not self.shift or windows.pool is not None:
            return (0,) * len(self.window)
        pairs = zip(self.window, windows.layout.units, strict=True)
        return tuple(side // 2 if count > 1 else 0 for side, count in pairs)

    def _bias(self, builder: GraphBuilder, windows: BlockContext, shift: tuple[int, ...]) -> Value | None:
        """What is added to the scores, or nothing."""
        layout, parts = windows.layout, []
        if self.relative_bias:
            kept = UnitLayout((1,) * len(layout.units), layout.folds)
            pooled = UnitLayout(kept.units, windows.pooled_layout.folds)
            parts.append(builder.add("attn.relative_bias", RelativeBias(windows.heads, kept, pooled)))
        if any(shift):
            parts.append(builder.add("attn.shift_mask", ShiftMask(layout, shift)))
        if len(parts) == 2:
            return builder.add("attn.bias", Add(), *parts)
        return parts[0] if parts else None
