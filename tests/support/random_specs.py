"""Random valid specs as plain data, small enough to run, and the way from data to a compilation."""

from __future__ import annotations

from math import prod
from typing import Any

import yaml
from hypothesis import strategies as st

from hiera_compiler import Compilation
from hiera_compiler.source import read_text

Data = dict[str, Any]
Draw = st.DrawFn

POOLS = ("max", "max", "average", "merge")
"""Kinds of pooling that are drawn."""
MOST_TOKENS = 512
"""Tokens of the largest grid, so that an example runs in milliseconds."""


RICH_IMAGE: Data = {
    "name": "rich_image",
    "input": {"size": [24, 49], "channels": 2},
    "patch": {"kernel": [3, 4], "stride": [2, 3], "padding": [1, 1]},
    "position": "absolute",
    "mask_unit": [6, 4],
    "stages": [
        {"depth": 2, "channels": 6, "heads": 2, "attention": "mask_unit"},
        {"depth": 2, "channels": 8, "heads": 1, "attention": "mask_unit", "pool": {"kind": "max", "stride": [3, 2]}},
        {"depth": 2, "channels": 4, "heads": 2, "attention": "global", "pool": {"kind": "max", "stride": [2, 1]}},
        {"depth": 1, "channels": 4, "heads": 4, "attention": "mask_unit", "first_attention": "own", "mlp_ratio": 2.5},
    ],
    "drop_path": 0.2,
    "norm": {"kind": "layer_norm", "epsilon": 1e-3},
    "activation": "relu",
    "head": {"classes": 3, "dropout": 0.1},
}
"""No two numbers alike where they could be mixed up: not square, asymmetric strides, widths up and down."""

RICH_CLIP: Data = RICH_IMAGE | {
    "name": "rich_clip",
    "input": {"size": [15, 18], "frames": 15},
    "patch": {"kernel": [3, 5, 3], "stride": [2, 2, 3], "padding": [1, 2, 0]},
    "position": "separable",
    "mask_unit": [4, 4, 2],
    "stages": [
        {"depth": 1, "channels": 6, "heads": 2, "attention": "mask_unit"},
        {"depth": 2, "channels": 8, "heads": 2, "attention": "mask_unit", "pool": "max"},
        {"depth": 2, "channels": 12, "heads": 3, "attention": "global", "pool": {"kind": "max", "stride": [2, 2, 1]}},
    ],
    "activation": "gelu",
}


def compilation(data: Data) -> Compilation:
    """The compilation of a spec given as plain data, by way of YAML text."""
    return Compilation(read_text(yaml.safe_dump(data, sort_keys=False), "spec.yaml"))


@st.composite
def specs(
    draw: Draw, axes: int | None = None, max_depth: int = 3, units: bool = False, pools: tuple[str, ...] = POOLS
) -> Data:
    """A valid spec, of an image or a clip as drawn, or of as many axes as asked for; with `units` of mask units."""
    axes = axes or draw(st.sampled_from([2, 3]))
    strides = draw(_strides(axes))
    unit, grid = draw(_grid(strides, axes))
    patch, size = draw(_patch(grid))
    whole = not units and draw(st.integers(0, 3)) == 0
    stages = [draw(_stage(stride, axes, max_depth, pools)) for stride in strides]
    data: Data = {
        "name": "random",
        "input": _input(size, draw(st.integers(1, 3))),
        "patch": patch,
        "position": draw(st.sampled_from(["absolute", "separable"])) if axes == 3 else "absolute",
        "mask_unit": "none" if whole else draw(_maybe_short(unit)),
        "stages": [draw(_on_whole_grid(stage, axes)) for stage in stages] if whole else stages,
    }
    if all(side // prod(stride[axis] for stride in strides if stride) % 2 == 0 for axis, side in enumerate(grid)):
        data["neck"] = draw(st.sampled_from(["simple_feature_pyramid", "none"]))
    return data | {key: draw(strategy) for key, strategy in _OPTIONS.items() if draw(st.booleans())}


_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "mlp_ratio": st.sampled_from([1, 1.5, 4.0]),
    "drop_path": st.sampled_from([0.0, 0.3, {"rate": 0.5}, {"rate": 0.2, "schedule": "constant"}]),
    "norm": st.sampled_from(["layer_norm", {"kind": "layer_norm", "epsilon": 1e-3}]),
    "activation": st.sampled_from(["gelu", "relu", {"kind": "relu"}]),
    "neck": st.sampled_from(
        ["none", "feature_pyramid", {"kind": "feature_pyramid", "channels": 5, "norm": "layer_norm"}]
    ),
    "head": st.sampled_from(["none", {"classes": 1}, {"classes": 5, "dropout": 0.5}]),
}


@st.composite
def _strides(draw: Draw, axes: int) -> list[tuple[int, ...] | None]:
    """For each stage what it pools by; together little enough for the token limit."""
    found: list[tuple[int, ...] | None] = []
    room = 36
    for _ in range(draw(st.integers(1, 5))):
        stride = draw(st.none() | st.tuples(*[st.sampled_from([1, 2, 2, 3])] * axes))
        if stride is not None and prod(stride) > room:
            stride = None
        room //= prod(stride or (1,))
        found.append(stride)
    return found


@st.composite
def _grid(draw: Draw, strides: list[tuple[int, ...] | None], axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A mask unit that these strides divide, with or without a rest, and a grid of whole units."""
    unit = [prod(stride[axis] for stride in strides if stride) for axis in range(axes)]
    grid = list(unit)
    for axis in draw(st.permutations(range(axes))):
        side = draw(st.sampled_from([n for n in (1, 2, 3) if n * prod(grid) <= MOST_TOKENS]))
        unit[axis], grid[axis] = unit[axis] * side, grid[axis] * side
        grid[axis] *= draw(st.sampled_from([n for n in (1, 2, 3) if n * prod(grid) <= MOST_TOKENS]))
    return tuple(unit), tuple(grid)


@st.composite
def _patch(draw: Draw, grid: tuple[int, ...]) -> tuple[Data, list[int]]:
    """A patch embedding, and an input size that it turns into this grid."""
    kernel = [draw(st.integers(1, 4)) for _ in grid]
    stride = [draw(st.integers(1, 3)) for _ in grid]
    padding = [draw(st.integers(0, (side - 1) // 2)) for side in kernel]
    axes = zip(grid, kernel, stride, padding, strict=True)
    size = [(n - 1) * step + side - 2 * pad + draw(st.integers(0, step - 1)) for n, side, step, pad in axes]
    patch: Data = {"kernel": draw(_maybe_short(tuple(kernel))), "stride": draw(_maybe_short(tuple(stride)))}
    if any(padding) or draw(st.booleans()):
        patch["padding"] = padding
    return patch, size


@st.composite
def _stage(draw: Draw, stride: tuple[int, ...] | None, axes: int, max_depth: int, pools: tuple[str, ...]) -> Data:
    heads = draw(st.integers(1, 3))
    attention = draw(st.sampled_from(["mask_unit", "global"]))
    stage: Data = {
        "depth": draw(st.integers(1, max_depth)),
        "channels": heads * draw(st.integers(1, 6)),
        "heads": heads,
        "attention": draw(st.sampled_from([attention, {"kind": attention}])),
    }
    if stride is not None:
        is_default = stride == (1,) * (axes - 2) + (2, 2)
        kind = draw(st.sampled_from(pools))
        stage["pool"] = kind if is_default else {"kind": kind, "stride": draw(_maybe_short(stride))}
    elif draw(st.booleans()):
        stage["pool"] = draw(st.sampled_from(["none", None]))
    if draw(st.booleans()):
        stage["first_attention"] = draw(st.sampled_from(["own", "previous"]))
    if draw(st.booleans()):
        stage["mlp_ratio"] = draw(st.sampled_from([1, 2.5, 4]))
    return stage


@st.composite
def _on_whole_grid(draw: Draw, stage: Data, axes: int) -> Data:
    """The stage where there are no mask units: their attention becomes one in windows, which its pooling divides."""
    if stage["attention"] not in ("mask_unit", {"kind": "mask_unit"}):
        return stage | {"first_attention": "own"}
    pool = stage.get("pool")
    strides = pool.get("stride", 2) if isinstance(pool, dict) else 2 if pool in ("max", "average", "merge") else 1
    sides = strides if isinstance(strides, list) and len(strides) == axes else None
    if sides is None:
        side = strides[0] if isinstance(strides, list) else strides
        sides = [1] * (axes - 2) + [side, side]
    window = [side * draw(st.integers(1, 3)) for side in sides]
    options = {"shift": draw(st.booleans()), "relative_bias": draw(st.booleans())}
    return stage | {"first_attention": "own", "attention": {"kind": "window", "window": window, **options}}


def _input(size: list[int], channels: int) -> Data:
    *frames, height, width = size
    data: Data = {"size": height if height == width else [height, width], "channels": channels}
    return data | ({"frames": frames[0]} if frames else {})


def _maybe_short(extent: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """The extent written out, or as one number where that means the same."""
    *time, height, width = extent
    written = list(extent)
    is_short = height == width and time in ([], [1])
    return st.sampled_from([written, height, [height]]) if is_short else st.just(written)
