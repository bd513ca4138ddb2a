"""The Hiera trunk and head, written as primitives (Hiera, section 4 and figure 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from hiera_compiler.ir import (
    Add,
    Dropout,
    DropPath,
    Graph,
    Input,
    KeepUnits,
    Linear,
    Mean,
    PatchEmbed,
    ToGrid,
    ToUnits,
    UnitLayout,
)
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Attention, BlockContext, Pooling
from hiera_compiler.spec import Spec, Stage, StochasticDepth


@dataclass(frozen=True)
class _Block:
    """One block's part of the plan."""

    stage: Stage
    attention: Attention
    pool: Pooling | None
    drop_path: float | None


def lower(spec: Spec, kept_units: int | None = None) -> Graph:
    """The graph of a spec that passed the checks.

    Its outputs are ``logits`` (where the spec has a head), ``tokens`` and ``features.0``, ``features.1``, ...
    With ``kept_units`` it is the encoder of masked pretraining: so many mask units of the input are kept,
    and there are no logits. Raises LoweringError where a kind writes primitives that do not fit.
    """
    spec = spec.resolved()
    builder = GraphBuilder()
    x, layout = _stem(builder, spec, kept_units)
    names = (f"blocks.{index}" for index in range(spec.depth))
    for index in range(len(spec.stages)):
        for block in _blocks(spec, index):
            with builder.origin("stages", index), builder.block(next(names)):
                x = _block(builder, spec, block, x, layout)
            if block.pool is not None:
                layout = layout.pooled()
        with builder.origin("stages", index):
            builder.output(f"features.{index}", builder.add(f"features.{index}", ToGrid(layout), x))
    builder.output("tokens", x)
    if spec.head is not None and kept_units is None:
        builder.output("logits", _head(builder, spec, x))
    return builder.graph()


def unit_layout(spec: Spec, grid: tuple[int, ...]) -> UnitLayout:
    """How the tokens of the first stage are ordered: each pooling consumes one fold of the mask unit."""
    rest = spec.mask_unit
    folds = []
    for stage in spec.stages:
        if stage.pool is not None:
            folds.append(stage.pool.stride)
            rest = tuple(side // step for side, step in zip(rest, stage.pool.stride, strict=True))
    if any(side > 1 for side in rest):
        folds.append(rest)
    units = tuple(size // side for size, side in zip(grid, spec.mask_unit, strict=True))
    return UnitLayout(units, tuple(folds) or ((1,) * len(grid),))


def _stem(builder: GraphBuilder, spec: Spec, kept_units: int | None) -> tuple[Value, UnitLayout]:
    with builder.origin("input"):
        image = builder.add("pixels", Input(spec.input_shape))
    with builder.origin("patch"):
        patch = spec.patch
        channels = (spec.input.channels, spec.stages[0].channels)
        embed = PatchEmbed(*channels, patch.kernel, patch.stride, patch.padding)
        grid = builder.add("patch_embed.proj", embed, image)
    with builder.origin("position"):
        grid = spec.position.lower(builder, grid)
    with builder.origin("mask_unit"):
        layout = unit_layout(spec, grid.shape[:-1])
        x = builder.add("units", ToUnits(layout), grid)
        x = builder.add("kept_tokens", KeepUnits(prod(layout.units) if kept_units is None else kept_units), x)
    return x, layout


def _blocks(spec: Spec, index: int) -> Iterator[_Block]:
    """The blocks of a stage. The first one pools, and by default attends like the stage before."""
    stage = spec.stages[index]
    rates = drop_path_rates(spec.drop_path, spec.depth)
    start = sum(before.depth for before in spec.stages[:index])
    inherits = stage.first_attention == "previous" and index > 0
    first = spec.stages[index - 1].attention if inherits else stage.attention
    yield _Block(stage, first, stage.pool, rates[start])
    for position in range(start + 1, start + stage.depth):
        yield _Block(stage, stage.attention, None, rates[position])


def drop_path_rates(drop_path: StochasticDepth, depth: int) -> list[float | None]:
    """The rate of every block; none where nothing is ever dropped.

    A block may have the rate 0 and still the drop: so all blocks of a stage stay alike and compile once.
    """
    if drop_path.rate == 0:
        return [None] * depth
    if drop_path.schedule == "constant" or depth == 1:
        return [drop_path.rate] * depth
    return [drop_path.rate * index / (depth - 1) for index in range(depth)]


def _block(builder: GraphBuilder, spec: Spec, block: _Block, x: Value, layout: UnitLayout) -> Value:
    """A pre-norm transformer block; where it widens, the skip is a projection of the *normalised* input."""
    channels = block.stage.channels
    normed = spec.norm.lower(builder, "norm1", x)
    skip = x if x.channels == channels else builder.add("proj", Linear(x.channels, channels), normed)
    if block.pool is not None:
        skip = block.pool.lower(builder, "pooled_skip", skip)
    context = BlockContext(channels, block.stage.heads, layout, block.pool)
    y = block.attention.lower(builder, normed, context)
    x = _residual(builder, "attn", skip, y, block.drop_path)
    hidden = int(channels * (block.stage.mlp_ratio or spec.mlp_ratio))
    y = spec.norm.lower(builder, "norm2", x)
    y = builder.add("mlp.fc1", Linear(channels, hidden), y)
    y = spec.activation.lower(builder, "mlp.activation", y)
    y = builder.add("mlp.fc2", Linear(hidden, channels), y)
    return _residual(builder, "mlp", x, y, block.drop_path)


def _residual(builder: GraphBuilder, branch: str, skip: Value, y: Value, rate: float | None) -> Value:
    if rate is not None:
        y = builder.add(f"{branch}.drop_path", DropPath(rate), y)
    return builder.add(f"{branch}.residual", Add(), skip, y)


def _head(builder: GraphBuilder, spec: Spec, x: Value) -> Value:
    """Mean over tokens, then norm: the norm comes after the mean (Hiera's released code)."""
    assert spec.head is not None
    with builder.origin("head"):
        x = builder.add("pooled", Mean(), x)
        x = spec.norm.lower(builder, "norm", x)
        if spec.head.dropout > 0:
            x = builder.add("head.dropout", Dropout(spec.head.dropout), x)
        return builder.add("head.projection", Linear(x.channels, spec.head.classes), x)
