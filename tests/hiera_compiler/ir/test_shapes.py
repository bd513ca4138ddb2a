"""Each primitive refuses inputs that do not fit it, and says which sizes meet."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiera_compiler import ir
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
    Shape,
    ShapeError,
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
    UnitLayout,
    Upsample,
)

LAYOUT = UnitLayout((2, 3), ((2, 2), (2, 1)))
PATCH = PatchEmbed(3, 8, (7, 7), (4, 4), (3, 3))

GRID = UnitLayout.raster((7, 3))
MERGED = UnitLayout.raster((4, 2))
GRIDS = UnitLayout.raster((4, 2)), UnitLayout.raster((2, 1))
SLIDING = SlidingPool("mean", LAYOUT, LAYOUT.pooled(), (3, 3), (2, 2), (1, 1))
SLIDING_CONVOLUTION = SlidingConvolution(3, LAYOUT, LAYOUT.pooled(), (3, 3), (2, 2), (1, 1))

FITS: list[tuple[Op, tuple[Shape, ...], Shape]] = [
    (PATCH, ((3, 224, 112),), (56, 28, 8)),
    (PatchEmbed(1, 2, (3, 7, 7), (2, 4, 4), (1, 3, 3)), ((1, 16, 64, 32),), (8, 16, 8, 2)),
    (Table((4, 1), 8), (), (4, 1, 8)),
    (Add(), ((4, 1, 8), (1, 5, 8)), (4, 5, 8)),
    (ToUnits(LAYOUT), ((8, 6, 5),), (6, 8, 5)),
    (ToGrid(LAYOUT), ((6, 8, 5),), (8, 6, 5)),
    (ToGrid(LAYOUT), ((4, 8, 5),), (4, 4, 2, 5)),
    (KeepUnits(4), ((6, 8, 5),), (4, 8, 5)),
    (Norm(5, 1e-6), ((6, 8, 5),), (6, 8, 5)),
    (Linear(5, 7), ((6, 8, 5),), (6, 8, 7)),
    (Split(3, 1), ((6, 8, 12),), (6, 8, 4)),
    (Pool("max", (2, 2)), ((6, 8, 5),), (6, 2, 5)),
    (Attend(2, False), ((6, 2, 4), (6, 8, 4), (6, 8, 4)), (6, 2, 4)),
    (Mean(), ((6, 2, 4),), (4,)),
    (SLIDING, ((6, 8, 5),), (6, 2, 5)),
    (SlidingPool("max", GRID, UnitLayout.raster((4, 2)), (3, 3), (2, 2), (1, 1)), ((1, 21, 5),), (1, 8, 5)),
    (ToUnits(GRID), ((7, 3, 5),), (1, 21, 5)),
    (ToGrid(GRID), ((1, 21, 5),), (7, 3, 5)),
    (LayerScale(5, 0.1), ((6, 8, 5),), (6, 8, 5)),
    (JoinChannels(), ((6, 8, 5), (6, 8, 4)), (6, 8, 9)),
    (JoinTokens(), ((1, 1, 5), (1, 8, 5)), (1, 9, 5)),
    (SliceTokens(1, 9), ((1, 9, 5),), (1, 8, 5)),
    (FirstToken(), ((1, 9, 5),), (5,)),
    (AsGrid((7, 3)), ((1, 21, 5),), (7, 3, 5)),
    (AsTokens(), ((7, 3, 5),), (1, 21, 5)),
    (PadGrid((1, 0)), ((6, 8, 5),), (7, 8, 5)),
    (CropGrid((5, 8)), ((6, 8, 5),), (5, 8, 5)),
    (Sinusoid((4, 2), 8), (), (4, 2, 8)),
    (SLIDING_CONVOLUTION, ((6, 8, 6),), (6, 2, 6)),
    (SplitHeads(2), ((6, 8, 6),), (6, 8, 2, 3)),
    (JoinHeads(), ((6, 8, 2, 3),), (6, 8, 6)),
    (RelativePosition(2, 3, *GRIDS, across_units=True), ((1, 8, 6),), (1, 2, 8, 2)),
    (RelativePosition(2, 3, *GRIDS, across_units=True, class_token=True), ((1, 9, 6),), (1, 2, 9, 3)),
    (RelativePosition(2, 3, LAYOUT.pooled(), LAYOUT, across_units=False), ((6, 2, 6),), (6, 2, 2, 8)),
    (RelativePosition(2, 3, LAYOUT.pooled(), LAYOUT, across_units=False), ((4, 2, 6),), (4, 2, 2, 8)),
    (RelativePosition(2, 3, LAYOUT.pooled(), LAYOUT, across_units=True), ((6, 2, 6),), (1, 2, 12, 48)),
    (Input((3, 8, 6)), (), (3, 8, 6)),
    (Activate("gelu"), ((6, 8, 5),), (6, 8, 5)),
    (DropPath(0.1), ((6, 8, 5),), (6, 8, 5)),
    (Dropout(0.1), ((6, 8, 5),), (6, 8, 5)),
    (ResizeTable((8, 6), antialias=False), ((7, 7, 5),), (8, 6, 5)),
    (TileTable((8, 6)), ((4, 4, 5),), (8, 6, 5)),
    (RollGrid((2, 0)), ((8, 6, 5),), (8, 6, 5)),
    (MergeTokens(GRID, MERGED, (2, 2)), ((1, 21, 5),), (1, 8, 20)),
    (RelativeBias(2, LAYOUT, LAYOUT.pooled()), (), (1, 2, 2, 8)),
    (ShiftMask(LAYOUT, (2, 1)), (), (6, 1, 8, 8)),
    (Attend(2, False), ((6, 2, 4), (6, 8, 4), (6, 8, 4), (1, 2, 2, 8)), (6, 2, 4)),
    (Attend(2, True), ((6, 2, 4), (6, 8, 4), (6, 8, 4), (1, 2, 12, 48)), (6, 2, 4)),
    (Convolution(5, 7, (3, 1)), ((8, 6, 5),), (8, 6, 7)),
    (TransposedConvolution(5, 7, (1, 2, 2)), ((4, 8, 6, 5),), (4, 16, 12, 7)),
    (Upsample((2, 3)), ((8, 6, 5),), (16, 18, 5)),
]

MISFITS: list[tuple[Op, tuple[Shape, ...], str]] = [
    (PATCH, ((3, 16, 224, 224),), "a patch kernel of 2 axes meets an input of 3"),
    (PATCH, ((1, 224, 224),), "1 input channels meet a patch of 3"),
    (
        PatchEmbed(3, 8, (7, 7), (4, 4), (0, 0)),
        ((3, 224, 6),),
        r"kernel of \(7, 7\) does not fit an input of \(224, 6\)",
    ),
    (Add(), ((4, 2, 8), (4, 3, 8)), "cannot be added"),
    (Add(), ((4, 8), (4, 3, 8)), "cannot be added"),
    (ToUnits(LAYOUT), ((8, 8, 5),), r"a grid of \(8, 8\) tokens meets units for \(8, 6\)"),
    (ToUnits(LAYOUT), ((2, 8, 6, 5),), "meets units for"),
    (ToGrid(LAYOUT), ((6, 7, 5),), "7 tokens a unit meet a unit of"),
    (ToGrid(LAYOUT), ((8, 6, 4, 5),), "needs"),
    (KeepUnits(7), ((6, 8, 5),), "7 of 6 mask units cannot be kept"),
    (KeepUnits(0), ((6, 8, 5),), "0 of 6 mask units cannot be kept"),
    (Norm(5, 1e-6), ((6, 8, 4),), "4 channels meet a norm of 5"),
    (Linear(5, 7), ((6, 8, 4),), "4 channels meet a linear layer of 5"),
    (Split(3, 0), ((6, 8, 10),), "10 channels do not split into 3"),
    (Pool("max", (2, 2)), ((6, 6, 5),), "6 tokens cannot be pooled by 4"),
    (Pool("max", (2, 2)), ((8, 6, 4, 5),), "needs"),
    (Attend(2, False), ((6, 2, 4), (6, 8, 4), (6, 9, 4)), "meet values"),
    (Attend(2, False), ((5, 2, 4), (6, 8, 4), (6, 8, 4)), "queries in 5 units meet keys in 6"),
    (Attend(2, False), ((6, 2, 4), (6, 8, 6), (6, 8, 6)), "queries of 4 channels meet keys of 6"),
    (Attend(3, True), ((6, 2, 4), (6, 8, 4), (6, 8, 4)), "4 channels do not split into 3 heads"),
    (Mean(), ((6, 4),), "needs"),
    (SLIDING, ((6, 7, 5),), r"7 tokens a unit meet a unit of \(4, 2\)"),
    (SlidingPool("max", GRID, UnitLayout.raster((3, 2)), (3, 3), (2, 2), (1, 1)), ((1, 21, 5),), r"are wanted"),
    (LayerScale(5, 0.1), ((6, 8, 4),), "4 channels meet a layer scale of 5"),
    (JoinChannels(), ((6, 8, 5), (6, 7, 5)), "side by side"),
    (JoinTokens(), ((1, 1, 5), (2, 8, 5)), "before tokens in 2"),
    (JoinTokens(), ((1, 1, 4), (1, 8, 5)), "4 channels meet tokens of 5"),
    (SliceTokens(1, 10), ((1, 9, 5),), "not among 9"),
    (FirstToken(), ((2, 9, 5),), "no first token of 2 units"),
    (AsGrid((7, 3)), ((1, 20, 5),), "20 tokens meet a grid"),
    (AsGrid((7, 3)), ((2, 21, 5),), "in 2 units"),
    (PadGrid((1,)), ((6, 8, 5),), "meets a grid"),
    (SLIDING_CONVOLUTION, ((6, 8, 5),), "5 channels are not groups of 3"),
    (SlidingPool("max", LAYOUT, LAYOUT.pooled(), (3, 3), (2, 2), (2, 2)), ((6, 8, 5),), "more than half the kernel"),
    (SlidingPool("max", LAYOUT, LAYOUT.pooled(), (5, 5), (2, 2), (0, 0)), ((6, 8, 5),), "does not fit units"),
    (SplitHeads(4), ((6, 8, 6),), "6 channels do not split into 4 heads"),
    (JoinHeads(), ((6, 8, 6),), "needs"),
    (RelativePosition(2, 3, *GRIDS, across_units=True), ((2, 4, 6),), "know 1 of them, and 2 are there"),
    (RelativePosition(2, 3, *GRIDS, across_units=True), ((1, 9, 6),), "9 tokens meet a grid"),
    (RelativePosition(2, 3, *GRIDS, across_units=True), ((1, 8, 5),), "5 channels meet 2 heads of 3"),
    (RelativePosition(2, 3, LAYOUT, LAYOUT, across_units=False), ((6, 2, 6),), "2 tokens meet a grid of"),
    (CropGrid((7, 8)), ((6, 8, 5),), "cannot be cut out of"),
    (RollGrid((2,)), ((8, 6, 5),), "a shift of"),
    (MergeTokens(GRID, MERGED, (2, 2)), ((1, 20, 5),), "20 tokens a unit meet a unit of"),
    (MergeTokens(GRID, GRIDS[1], (2, 2)), ((1, 21, 5),), r"makes units of \(4, 2\), and \(2, 1\) are wanted"),
    (ShiftMask(LAYOUT, (2, 2)), (), "not less than a window"),
    (Attend(2, False), ((6, 2, 4), (6, 8, 4), (6, 8, 4), (1, 2, 8, 2)), "a bias of .* cannot be added to scores"),
    (Attend(2, False), ((6, 2, 4), (6, 8, 4), (6, 8, 4), (2, 2, 8)), "a bias of"),
    (Attend(2, True), ((6, 2, 4), (6, 8, 4), (6, 8, 4), (6, 2, 2, 8)), "a bias of"),
    (Convolution(5, 7, (3, 2)), ((8, 6, 5),), r"a kernel of \(3, 2\) has no middle"),
    (Convolution(5, 7, (3, 3)), ((8, 6, 4),), "4 channels meet a convolution of 5"),
    (TransposedConvolution(5, 7, (2, 2)), ((4, 8, 6, 5),), "meets a grid of"),
    (Upsample((2,)), ((8, 6, 5),), "meet a grid of"),
    (ResizeTable((8, 6), antialias=False), ((2, 7, 7, 5),), "a table of a plane"),
    (TileTable((8, 6)), ((7, 5),), "a table of a plane"),
]


@pytest.mark.parametrize(("op", "inputs", "output"), FITS)
def test_the_output_shape_follows_from_the_inputs(op: Op, inputs: tuple[Shape, ...], output: Shape) -> None:
    assert op.infer(*inputs) == output


def test_every_primitive_is_among_those_that_fit() -> None:
    primitives = {value for value in vars(ir).values() if isinstance(value, type) and issubclass(value, Op)} - {Op}
    assert primitives == {type(op) for op, *_ in FITS}


@pytest.mark.parametrize(("op", "inputs", "words"), MISFITS)
def test_inputs_that_do_not_fit_are_refused(op: Op, inputs: tuple[Shape, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*inputs)


def test_the_cost_of_a_primitive_is_its_formula() -> None:
    """Multiply-accumulates by hand: one product is one, norms are five an element."""
    assert Linear(5, 7).macs(((6, 8, 5),), (6, 8, 7)) == 6 * 8 * 5 * 7
    assert PATCH.macs(((3, 224, 112),), (56, 28, 8)) == 56 * 28 * 8 * 3 * 49
    queries, keys = (6, 2, 4), (6, 8, 4)
    assert Attend(2, False).macs((queries, keys, keys), queries) == 2 * 6 * 2 * 8 * 4
    assert Attend(2, True).macs((queries, keys, keys), queries) == 2 * 12 * 48 * 4
    assert Norm(5, 1e-6).norm_macs((6, 8, 5)) == 5 * 6 * 8 * 5
    assert Norm(5, 1e-6).macs(((6, 8, 5),), (6, 8, 5)) == 0


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3), st.integers(1, 4))
def test_a_layout_is_its_units_times_its_folds(folds: list[tuple[int, int]], units: int) -> None:
    layout = UnitLayout((units, 2), tuple(folds))
    assert layout.unit == tuple(prod(fold[axis] for fold in folds) for axis in (0, 1))
    assert layout.grid == (units * layout.unit[0], 2 * layout.unit[1])
    assert layout.pooled().units == layout.units
    assert layout.pooled().folds == tuple(folds[1:])


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3), st.integers(1, 3))
def test_tokens_of_one_pooling_block_are_one_stride_apart(folds: list[tuple[int, int]], units: int) -> None:
    """What window-major order is for: those that become one token lie at equal steps of the run."""
    torch = pytest.importorskip("torch")
    from hiera_compiler.emit.prelude import to_grid, to_units

    layout = UnitLayout((units, 2), tuple(folds))
    places = torch.tensor(list(product(*map(range, layout.grid)))).reshape(1, *layout.grid, 2)
    run = to_units(places, layout.folds)
    assert torch.equal(to_grid(run, layout.units, layout.folds), places)
    stride = torch.tensor(folds[0])
    blocks = (run // stride).unflatten(2, (prod(folds[0]), -1))
    assert (blocks == blocks[:, :, :1]).all()
