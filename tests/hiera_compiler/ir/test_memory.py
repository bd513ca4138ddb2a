"""What primitives read, write and hold, where that is not each element once."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest

from hiera_compiler.ir import (
    Attend,
    CropGrid,
    Input,
    KeepUnits,
    Linear,
    MergeTokens,
    Op,
    RelativeBias,
    RelativePosition,
    Shape,
    SlidingConvolution,
    SlidingPool,
    Split,
    UnitLayout,
)

WINDOW = UnitLayout((1, 1), ((2, 2), (2, 1)))
UNITS = UnitLayout((2, 3), WINDOW.folds)
GRID, MERGED = UnitLayout.raster((7, 3)), UnitLayout.raster((4, 2))
QUERIES, KEYS, SCORES = (6, 2, 4), (6, 8, 4), (6, 2, 2, 8)
SLIDING = SlidingPool("max", UNITS, UNITS.pooled(), (3, 3), (2, 2), (1, 1))

MOVED: list[tuple[Op, tuple[Shape, ...], int]] = [
    (Linear(4, 7), (KEYS,), 6 * 8 * 4 + 6 * 8 * 7),
    (Split(2, 0), (KEYS,), 0),
    (CropGrid((5, 6)), ((8, 6, 4),), 2 * 5 * 6 * 4),
    (KeepUnits(4), (KEYS,), 2 * 4 * 8 * 4),
    (KeepUnits(6), (KEYS,), 0),
    # An index of 8 bytes for each pair of tokens, then a gather and a copy for each head.
    (RelativeBias(3, WINDOW, WINDOW.pooled()), (), 2 * 2 * 8 + 4 * 3 * 2 * 8),
]


@pytest.mark.parametrize(("op", "inputs", "elements"), MOVED)
def test_a_primitive_moves_what_it_reads_and_writes(op: Op, inputs: tuple[Shape, ...], elements: int) -> None:
    assert op.moved(inputs, op.infer(*inputs)) == elements


@pytest.mark.parametrize(
    ("op", "inputs", "elements"),
    [
        (Input((3, 8, 6)), (), 3 * 8 * 6),
        (Linear(4, 7), (KEYS,), 6 * 8 * 7),
        (Split(2, 0), (KEYS,), 0),
        (KeepUnits(4), (KEYS,), 4 * 8 * 4),
        (KeepUnits(6), (KEYS,), 0),
    ],
)
def test_a_view_allocates_nothing(op: Op, inputs: tuple[Shape, ...], elements: int) -> None:
    assert op.writes(inputs, op.infer(*inputs)) == elements


@pytest.mark.parametrize(
    ("op", "inputs", "scratch", "workspace"),
    [
        (Linear(4, 7), (KEYS,), 0, 0),
        (Attend(2, False), (QUERIES, KEYS, KEYS), 2 * 2 * 6 * 2 * 8 + prod(KEYS), 0),
        (
            Attend(2, False),
            (QUERIES, KEYS, KEYS, SCORES),
            2 * 2 * 6 * 2 * 8 + prod(KEYS),
            2 * 2 * 6 * 2 * 8 + prod(KEYS),
        ),
        # Of each query the products with the distances along height (4 keys) and width (2 keys).
        (RelativePosition(2, 2, UNITS.pooled(), UNITS, across_units=False), (QUERIES,), 6 * 2 * 2 * (4 + 2), 0),
        # The units as images; a maximum comes with places of 8 bytes, a mean without.
        (SLIDING, (KEYS,), prod(KEYS) + 2 * prod(QUERIES), prod(KEYS) + 2 * prod(QUERIES)),
        (replace(SLIDING, reduction="mean"), (KEYS,), prod(KEYS), prod(KEYS)),
        (SlidingConvolution(4, UNITS, UNITS.pooled(), (3, 3), (2, 2), (1, 1)), (KEYS,), prod(KEYS), prod(KEYS)),
        # A grid in raster order lies as an image does; one of odd sides is filled up.
        (SlidingConvolution(4, GRID, MERGED, (3, 3), (2, 2), (1, 1)), ((1, 21, 4),), 0, 0),
        (MergeTokens(GRID, MERGED, (2, 2)), ((1, 21, 4),), 8 * 16, 8 * 16),
        (MergeTokens(UNITS, UNITS.pooled(), (2, 2)), (KEYS,), prod(KEYS), prod(KEYS)),
    ],
)
def test_what_runs_as_several_kernels_holds_what_is_between_them(
    op: Op, inputs: tuple[Shape, ...], scratch: int, workspace: int
) -> None:
    """Wherever it runs, or, where that is no workspace, only where attention is two products."""
    output = op.infer(*inputs)
    assert op.scratch(inputs, output) == scratch
    assert op.workspace(inputs, output) == workspace
