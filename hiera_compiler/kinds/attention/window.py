"""Attention inside windows."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hiera_compiler.ir import AsGrid, AsTokens, CropGrid, PadGrid, ToGrid, ToUnits, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import ProjectedAttention
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.roles import BlockContext


class WindowAttention(ProjectedAttention):
    """Each token attends to the tokens of its own window; where windows do not divide the grid, it is padded.

    Zeros are added after the normalisation, below and to the right, and take part in attention as keys (SAM 2). A
    block that pools its queries pools the window with them.
    """

    kind: Literal["window"] = "window"
    mask_units: ClassVar[bool | None] = False
    window: Annotated[
        tuple[int, ...], Extent(time=1), Field(description="Tokens along each axis of a window.", examples=[4])
    ]

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        grid = block.layout.grid
        windows = self._windows(builder, block)
        padding = tuple(wide - side for wide, side in zip(windows.layout.grid, grid, strict=True))
        x = builder.add("attn.grid", AsGrid(grid), x)
        if any(padding):
            x = builder.add("attn.padded", PadGrid(padding), x)
        x = builder.add("attn.windows", ToUnits(windows.layout), x)
        x = self.attended(builder, x, windows, across_units=False)
        x = builder.add("attn.merged", ToGrid(windows.pooled_layout), x)
        wanted = block.pooled_layout.grid
        if x.shape[:-1] != wanted:
            x = builder.add("attn.cropped", CropGrid(wanted), x)
        return builder.add("attn.tokens", AsTokens(), x)

    def _windows(self, builder: GraphBuilder, block: BlockContext) -> BlockContext:
        """The block with its windows in the place of mask units; a pooling consumes the first fold of a window."""
        counts = tuple(-(-side // step) for side, step in zip(block.layout.grid, self.window, strict=True))
        if block.pool is None:
            return BlockContext(block.channels, block.heads, UnitLayout(counts, (self.window,)), None)
        stride = block.pool.stride
        if any(side % step for side, step in zip(self.window, stride, strict=True)):
            builder.refuse("attn.windows", f"windows of {self.window} tokens cannot be pooled by {stride}")
        rest = tuple(side // step for side, step in zip(self.window, stride, strict=True))
        return BlockContext(block.channels, block.heads, UnitLayout(counts, (stride, rest)), block.pool)
