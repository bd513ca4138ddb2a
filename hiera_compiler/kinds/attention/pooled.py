"""Attention between pooled queries, keys and values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.diagnostics import times
from hiera_compiler.ir import Add, Attend, Linear, RelativePosition
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import ProjectedAttention
from hiera_compiler.kinds.choice import Choice
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.pool import KernelPooling
from hiera_compiler.kinds.pool.convolution import ConvolutionPooling
from hiera_compiler.kinds.roles import BlockContext, Pooling


class PooledAttention(ProjectedAttention):
    """Each token attends to every pooled token: keys and values are pooled in all blocks (MViTv2, section 3)."""

    kind: Literal["pooled"] = "pooled"
    pool: Annotated[
        Pooling,
        Choice("pool"),
        Field(
            description="How queries, keys and values are pooled. Its stride is not read: that of queries is the "
            "block's, that of keys and values is `kv_stride`."
        ),
    ] = ConvolutionPooling(kernel=(3,), padding=(1,))
    kv_pool: Annotated[
        Pooling | None,
        Choice("pool", optional=True),
        silent(None),
        Field(description="How keys and values are pooled; `none`: as queries are."),
    ] = None
    kv_stride: Annotated[
        tuple[int, ...], Extent(time=1), Field(description="The factor of keys and values along each axis.")
    ] = (1,)
    unit_stride: Annotated[
        bool, Field(description="Whether a kernel of more than one token also runs where the stride is 1.")
    ] = True
    residual: Annotated[
        bool, Field(description="Whether the pooled queries are added to what they gather (MViTv2, section 4.1).")
    ] = False
    relative: Annotated[
        Literal["none", "decomposed"],
        Field(
            description="`decomposed`: scores know the distances of height, width and time, each by a learned table "
            "(MViTv2, section 4.1); only where mask_unit is `none`."
        ),
    ] = "none"

    @property
    def mask_units(self) -> bool | None:
        return False if self.relative == "decomposed" else None

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        query, key, value = self.projected(builder, x, block)
        stride = (1,) * len(self.kv_stride) if block.pool is None else block.pool.stride
        of_query = self._strided(self.pool, stride)
        of_key = self._strided(self.kv_pool or self.pool, self.kv_stride)
        query = block.pooled_by(of_query, builder, "attn.pool_q", query, block.heads)
        self._require_alike(builder, block, of_query)
        key = block.pooled_by(of_key, builder, "attn.pool_k", key, block.heads)
        value = block.pooled_by(of_key, builder, "attn.pool_v", value, block.heads)
        bias = []
        if self.relative == "decomposed":
            width = block.channels // block.heads
            queries, keys = (
                (block.layout if pool is None else pool.pooled(block.layout)).grid for pool in (of_query, of_key)
            )
            position = RelativePosition(block.heads, width, queries, keys, block.class_token)
            bias.append(builder.add("attn.rel_pos", position, query))
        attend = Attend(block.heads, across_units=True)
        attended = builder.add("attn.attend", attend, query, key, value, *bias)
        if self.residual:
            attended = builder.add("attn.gathered", Add(), attended, query)
        return builder.add("attn.proj", Linear(block.channels, block.channels), attended)

    def _require_alike(self, builder: GraphBuilder, block: BlockContext, of_query: Pooling | None) -> None:
        """Refuse queries that are not as many as the tokens of the skip connection."""
        made = block.layout if of_query is None else of_query.pooled(block.layout)
        if made.unit == block.pooled_layout.unit:
            return
        before, queries, tokens = (times(layout.unit) for layout in (block.layout, made, block.pooled_layout))
        builder.refuse(
            "attn.pool_q",
            f"attention pools {before} tokens to {queries} queries, and the skip connection to {tokens}",
            "use unit_stride: false, or kernels of twice the padding and 1, such as 3 with a padding of 1"
            if block.pool is None
            else "use kernels that, less twice their padding, are alike in both poolings",
            at="attention",
        )

    def _strided(self, pool: Pooling, stride: tuple[int, ...]) -> Pooling | None:
        """The pooling by a stride; none where that leaves all as it is."""
        pool = pool.model_copy(update={"stride": stride})
        stays = max(stride) == 1
        overlaps = not isinstance(pool, KernelPooling) or pool.overlaps
        return None if stays and not (self.unit_stride and overlaps) else pool
