"""Attention between pooled queries, keys and values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.diagnostics import times
from hiera_compiler.ir import Add, JoinTokens, Linear, SliceTokens, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import MultiHeadAttention, Sides, in_windows, out_of_windows
from hiera_compiler.kinds.choice import Choice
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.pool import KernelPooling
from hiera_compiler.kinds.pool.convolution import ConvolutionPooling
from hiera_compiler.kinds.roles import BlockContext, Pooling


class PooledAttention(MultiHeadAttention):
    """Each token attends to every pooled token, or to those in its window: keys and values are pooled in all blocks.

    MViTv2, section 3; windows of pooled tokens that do not fill the grid are filled up by zeros, after the pooling.
    """

    kind: Literal["pooled"] = "pooled"
    pool: Annotated[
        Pooling,
        Choice("pool"),
        Field(
            description="How queries, keys and values are pooled, `merge` excepted. Its stride is not read: that of "
            "queries is the block's, that of keys and values is `kv_stride`."
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
    residual_token: Annotated[
        bool,
        silent(True),
        Field(
            description="Whether `residual` adds the query of a class token too: the authors' models of images do, "
            "those of clips do not."
        ),
    ] = True
    window: Annotated[
        tuple[int, ...] | None,
        Extent(time=1, optional=True),
        silent(None),
        Field(
            description="Pooled queries along each axis of a window; they gather from the pooled keys and values at "
            "its places (MViTv2, section 4.2). `none`: from all."
        ),
    ] = None

    @property
    def mask_units(self) -> bool | None:
        return None if self.window is None else False

    @property
    def takes_class_token(self) -> bool:
        return self.window is None

    @property
    def masks(self) -> bool:
        return self.relative == "none"

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        stride = (1,) * len(self.kv_stride) if block.pool is None else block.pool.stride
        of_query = self._strided(self.pool, stride)
        of_key = self._strided(self.kv_pool or self.pool, self.kv_stride)
        pools = ("attn.pool_q", of_query), ("attn.pool_k", of_key), ("attn.pool_v", of_key)
        tokens = self.projected(builder, x, block, pools)
        self._require_alike(builder, block, of_query)
        queries, keys = (block.layout if pool is None else pool.pooled(block.layout) for pool in (of_query, of_key))
        layouts = queries, keys
        if self.window is None:
            attended = self.gathered(builder, tokens, layouts, block, across_units=True)
        else:
            attended = self._gathered_in_windows(builder, tokens, layouts, block, stride)
        if self.residual:
            attended = self._with_queries(builder, attended, tokens[0], block)
        return builder.add("attn.proj", Linear(block.channels, block.channels), attended)

    def _with_queries(self, builder: GraphBuilder, attended: Value, query: Value, block: BlockContext) -> Value:
        """What queries gathered and they themselves, the class token's where it is wanted."""
        if self.residual_token or not block.class_token:
            return builder.add("attn.gathered", Add(), attended, query)
        tokens = query.shape[1]
        token = builder.add("attn.gathered_token", SliceTokens(0, 1), attended)
        grid = builder.add("attn.gathered_grid", SliceTokens(1, tokens), attended)
        queries = builder.add("attn.query_grid", SliceTokens(1, tokens), query)
        added = builder.add("attn.gathered", Add(), grid, queries)
        return builder.add("attn.gathered_joined", JoinTokens(), token, added)

    def _gathered_in_windows(
        self,
        builder: GraphBuilder,
        tokens: tuple[Value, Value, Value],
        layouts: tuple[UnitLayout, UnitLayout],
        block: BlockContext,
        stride: Sides,
    ) -> Value:
        """What queries gather in windows, where each window of queries has its own of keys and values."""
        queries, keys = (layout.grid for layout in layouts)
        of_queries, of_keys = self._windows(builder, queries, keys, stride)
        query = in_windows(builder, "attn.of_queries", tokens[0], queries, of_queries)
        key, value = (
            in_windows(builder, f"attn.of_{name}", x, keys, of_keys)
            for name, x in zip(("keys", "values"), tokens[1:], strict=True)
        )
        windows = of_queries, of_keys
        attended = self.gathered(builder, (query, key, value), windows, block, across_units=False)
        return out_of_windows(builder, "attn", attended, queries, of_queries)

    def _windows(
        self, builder: GraphBuilder, queries: Sides, keys: Sides, stride: Sides
    ) -> tuple[UnitLayout, UnitLayout]:
        """The windows of queries, and those of keys and values, which cover as much of what enters the block."""
        window = self.window or queries
        spans = tuple(side * step for side, step in zip(window, stride, strict=True))
        if any(span % step for span, step in zip(spans, self.kv_stride, strict=True)):
            message = f"windows over {times(spans)} tokens cannot be pooled by {times(self.kv_stride)}"
            builder.refuse("attn.windows", message, "use windows that kv_stride divides", at="attention")
        of_keys = tuple(span // step for span, step in zip(spans, self.kv_stride, strict=True))
        counts, others = (
            tuple(-(-side // step) for side, step in zip(grid, sides, strict=True))
            for grid, sides in ((queries, window), (keys, of_keys))
        )
        if counts != others:
            message = f"{times(counts)} windows of queries meet {times(others)} of keys and values"
            builder.refuse("attn.windows", message, "use windows that divide the grid", at="attention")
        return UnitLayout(counts, (window,)), UnitLayout(counts, (of_keys,))

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
