"""The token grids of a resolved spec, and of masked autoencoding its mask units and what a token predicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import floor, prod

from hiera_compiler.ir import PatchEmbed, UnitLayout
from hiera_compiler.spec.model import Spec
from hiera_compiler.spec.parts import Stage

Sides = tuple[int, ...]


def token_grid(spec: Spec) -> Sides:
    """The token grid of the first stage; raises ShapeError where the patch kernel does not fit the input."""
    patch = spec.patch
    embed = PatchEmbed(1, 1, patch.kernel, patch.stride, patch.padding)
    return embed.grid(spec.input_shape[1:])


def total_stride(spec: Spec, stages: Sequence[Stage]) -> Sides:
    """By how much these stages of a spec pool together, along each axis."""
    strides = [stage.pool.stride for stage in stages if stage.pool is not None]
    return tuple(prod(axis) for axis in zip((1,) * spec.axes, *strides, strict=True))


def map_grids(spec: Spec) -> Iterator[Sides]:
    """The token grid of every stage; of specs whose poolings are lawful."""
    grid = token_grid(spec)
    for stage in spec.stages:
        if stage.pool is not None and spec.mask_unit is None:
            grid = stage.pool.pooled(UnitLayout.raster(grid)).grid
        elif stage.pool is not None:
            grid = tuple(side // step for side, step in zip(grid, stage.pool.stride, strict=True))
        yield grid


def mask_units(spec: Spec) -> Sides:
    """The whole mask units along each axis; raises ShapeError where the patch kernel does not fit the input."""
    return tuple(size // side for size, side in zip(token_grid(spec), unit_sides(spec), strict=True))


def kept_units(spec: Spec) -> int:
    """How many mask units of a sample the encoder sees: what the mask ratio leaves, rounded down.

    The ratio is taken as it is written: 0.9 of 10 units keeps one.
    """
    return floor(prod(mask_units(spec)) * (1 - Fraction(str(spec.pretraining.mask_ratio))))


def last_unit(spec: Spec) -> Sides:
    """The side of a mask unit at the end of the encoder, in tokens: the last stage does not pool."""
    return tuple(
        side // step for side, step in zip(unit_sides(spec), total_stride(spec, spec.stages[:-1]), strict=True)
    )


def predicted(spec: Spec, unit: Sides) -> tuple[int, Sides]:
    """What a token predicts, where a mask unit has these sides at the end of the encoder.

    The frames from one predicted frame to the next, and the height and width of a predicted patch, in pixels.
    """
    axes = zip(spec.patch.stride, unit_sides(spec), unit, strict=True)
    sides = tuple(stride * (first // last) for stride, first, last in axes)
    return (sides[0] if spec.axes == 3 else 1), sides[-2:]


def unit_sides(spec: Spec) -> Sides:
    """The side of a mask unit in the first stage, in tokens; of specs that have mask units."""
    assert spec.mask_unit is not None, "a rule says that masked autoencoding has mask units"
    return spec.mask_unit
