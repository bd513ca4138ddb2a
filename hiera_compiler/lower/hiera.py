"""The Hiera trunk and head, written as primitives (Hiera, section 4 and figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import prod

from hiera_compiler.ir import (
    Add,
    Dropout,
    FirstToken,
    Graph,
    Input,
    JoinTokens,
    KeepUnits,
    Linear,
    Mean,
    PatchEmbed,
    SliceTokens,
    Table,
    ToGrid,
    ToUnits,
    UnitLayout,
)
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Neck, Normalization, Position
from hiera_compiler.lower.blocks import Flow, Style, lower_block, stage_blocks
from hiera_compiler.spec import Head, Spec, StochasticDepth


def lower(spec: Spec, kept_units: int | None = None) -> Graph:
    """The graph of a spec that passed the checks.

    Its outputs are ``logits`` (where the spec has a head), ``pyramid.0``, ``pyramid.1``, ... (where it has a neck),
    ``tokens`` and ``features.0``, ``features.1``, ... With ``kept_units`` it is the encoder of masked pretraining: so
    many mask units of the input are kept, and there are neither logits nor a pyramid, whose maps are those of the whole
    grid; a spec without mask units has no such encoder. Raises LoweringError where a kind
    writes primitives that do not fit.
    """
    spec = spec.resolved()
    builder = GraphBuilder()
    x, flow = lower_stem(builder, spec, spec.stages[0].channels, kept_units)
    style, numbers = Style.of(spec), count()
    rates = drop_path_rates(spec.drop_path, spec.depth)
    maps: list[Value] = []
    for index, stage in enumerate(spec.stages):
        blocks = stage_blocks(stage, flow.attention)
        for position in range(stage.depth):
            number = next(numbers)
            with builder.origin("stages", index), builder.block(f"blocks.{number}"):
                x, flow = lower_block(builder, style, blocks.at(position), x, flow, rates[number])
        with builder.origin("stages", index):
            maps.append(lower_map(builder, f"features.{index}", x, flow))
            builder.output(f"features.{index}", maps[-1])
        flow = flow.leaving(stage)
    builder.output("tokens", x)
    if spec.neck is not None and kept_units is None:
        lower_neck(builder, spec.neck, [maps[index] for index in spec.neck.reads(len(maps))])
    if spec.head is not None and kept_units is None:
        builder.output("logits", lower_head(builder, spec.norm, spec.head, x, flow))
    return builder.graph()


def unit_layout(spec: Spec, grid: tuple[int, ...]) -> UnitLayout:
    """How the tokens of the first stage are ordered: each pooling consumes one fold of the mask unit."""
    if spec.mask_unit is None:
        return UnitLayout.raster(grid)
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


def drop_path_rates(drop_path: StochasticDepth, depth: int) -> list[float | None]:
    """The rate of every block; none where nothing is ever dropped.

    A block may have the rate 0 and still the drop: so all blocks of a stage stay alike and compile once.
    """
    if drop_path.rate == 0:
        return [None] * depth
    if drop_path.schedule == "constant" or depth == 1:
        return [drop_path.rate] * depth
    return [drop_path.rate * index / (depth - 1) for index in range(depth)]


def lower_stem(builder: GraphBuilder, spec: Spec, channels: int, kept_units: int | None = None) -> tuple[Value, Flow]:
    """From pixels to the tokens of the first stage, which has so many channels."""
    with builder.origin("input"):
        image = builder.add("pixels", Input(spec.input_shape))
    with builder.origin("patch"):
        patch = spec.patch
        embed = PatchEmbed(spec.input.channels, channels, patch.kernel, patch.stride, patch.padding)
        grid = builder.add("patch_embed.proj", embed, image)
        if patch.norm:
            grid = spec.norm.lower(builder, "patch_embed.norm", grid)
    with builder.origin("position"):
        grid = spec.position.lower(builder, grid)
    with builder.origin("mask_unit"):
        layout = unit_layout(spec, grid.shape[:-1])
        x = builder.add("units", ToUnits(layout), grid)
        if spec.mask_unit is not None:
            x = builder.add("kept_tokens", KeepUnits(prod(layout.units) if kept_units is None else kept_units), x)
        elif kept_units is not None:
            raise ValueError("a spec without mask units has none to keep")
    if spec.class_token:
        with builder.origin("class_token"):
            x = _with_class_token(builder, spec.position, x)
    return x, Flow(x.shape, layout, class_token=spec.class_token)


def _with_class_token(builder: GraphBuilder, position: Position, x: Value) -> Value:
    token = builder.add("cls_token", Table((1, 1), x.channels))
    if position.class_token_has_one:
        place = builder.add("pos_embed_class", Table((1, 1), x.channels))
        token = builder.add("class_token", Add(), token, place)
    return builder.add("tokens", JoinTokens(), token, x)


def lower_map(builder: GraphBuilder, name: str, x: Value, flow: Flow) -> Value:
    """The map of a stage, in raster order."""
    return builder.add(name, ToGrid(flow.layout), _grid_tokens(builder, f"{name}.tokens", x, flow))


def _grid_tokens(builder: GraphBuilder, name: str, x: Value, flow: Flow) -> Value:
    """The tokens without the class token."""
    return builder.add(name, SliceTokens(1, x.shape[1]), x) if flow.class_token else x


def lower_neck(builder: GraphBuilder, neck: Neck, maps: Sequence[Value]) -> list[Value]:
    """The pyramid of a neck, from the maps that it reads."""
    with builder.origin("neck"):
        levels = neck.lower(builder, maps)
    for level, value in enumerate(levels):
        builder.output(f"pyramid.{level}", value)
    return levels


def lower_head(builder: GraphBuilder, norm: Normalization, head: Head, x: Value, flow: Flow) -> Value:
    """Mean over tokens, then norm: the norm comes after the mean (Hiera's released code), unless told otherwise."""
    with builder.origin("head"):
        if head.norm == "before":
            x = norm.lower(builder, "norm", x)
        if head.pooling == "mean":
            x = builder.add("pooled", Mean(), _grid_tokens(builder, "grid_tokens", x, flow))
        else:
            x = builder.add("pooled", FirstToken(), x)
        if head.norm == "after":
            x = norm.lower(builder, "norm", x)
        if head.dropout > 0:
            x = builder.add("head.dropout", Dropout(head.dropout), x)
        return builder.add("head.projection", Linear(x.channels, head.classes), x)
