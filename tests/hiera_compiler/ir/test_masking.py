"""The primitives of masked autoencoding: which shapes they make, what they refuse, and what they leave unread."""

from __future__ import annotations

import pytest

from hiera_compiler.ir import Op, PatchEmbed, Shape, ShapeError, UnitLayout, masking, target
from hiera_compiler.ir.masking import AddKept, LastTokens, MaskedTokens, PatchEmbedKept, UnitConv
from hiera_compiler.ir.target import Gradients, Patches, SquaredError, Standardise

LAYOUT = UnitLayout((2, 3), ((2, 2), (2, 1)))
PATCH = PatchEmbed(3, 5, (7, 7), (4, 4), (3, 3))

FITS: list[tuple[Op, tuple[Shape, ...], Shape]] = [
    (PatchEmbedKept(PATCH, LAYOUT, 4), ((3, 32, 24),), (4, 8, 5)),
    (AddKept(), ((4, 8, 5), (6, 8, 5)), (4, 8, 5)),
    (UnitConv(5, 7, ((2, 2),)), ((4, 8, 5),), (4, 2, 7)),
    (UnitConv(5, 7, LAYOUT.folds), ((4, 8, 5),), (4, 1, 7)),
    (MaskedTokens(LAYOUT, 4), ((6, 8, 5),), (16, 5)),
    (MaskedTokens(LAYOUT, 4), ((48, 5),), (16, 5)),
    (LastTokens(32), ((1, 48, 5),), (1, 16, 5)),
    (Patches((8, 6), (4, 2)), ((3, 32, 12),), (48, 24)),
    (Patches((2, 8, 6), (4, 4), 2), ((3, 3, 33, 24),), (96, 48)),
    (Standardise(), ((16, 48),), (16, 48)),
    (Gradients((2, 3), (16, 8), 1, 9, 8, norm=True), ((3, 32, 24),), (6, 3 * 9 * 2)),
    (SquaredError(), ((16, 48), (16, 48)), (1,)),
]

MISFITS: list[tuple[Op, tuple[Shape, ...], str]] = [
    (PatchEmbedKept(PATCH, LAYOUT, 4), ((3, 32, 32),), "a grid of"),
    (PatchEmbedKept(PATCH, LAYOUT, 7), ((3, 32, 24),), "7 of 6 mask units cannot be kept"),
    (PatchEmbedKept(PATCH, LAYOUT, 0), ((3, 32, 24),), "0 of 6 mask units cannot be kept"),
    (AddKept(), ((7, 8, 5), (6, 8, 5)), "are not among those of a table"),
    (AddKept(), ((4, 8, 5), (6, 8, 4)), "are not among those of a table"),
    (AddKept(), ((8, 5), (6, 8, 5)), r"needs \(units, tokens, channels\)"),
    (UnitConv(5, 7, ((2, 2),)), ((4, 8, 4),), "4 channels meet a convolution of 5"),
    (UnitConv(5, 7, ((3, 1),)), ((4, 8, 5),), "a unit of 8 tokens cannot be cut into pieces of 3"),
    (MaskedTokens(LAYOUT, 4), ((6, 7, 5),), "42 tokens meet units for 48"),
    (LastTokens(32), ((2, 48, 5),), "the tokens of 2 units have no order"),
    (LastTokens(48), ((1, 48, 5),), "48 seen tokens leave no masked one of 48"),
    (LastTokens(0), ((1, 48, 5),), "0 seen tokens"),
    (Patches((8, 6), (4, 2)), ((3, 31, 12),), r"that cover \(32, 12\)"),
    (Patches((2, 8, 6), (4, 4), 2), ((3, 2, 32, 24),), r"that cover \(3, 32, 24\)"),
    (Patches((8, 6), (4, 2)), ((3, 4, 32, 12),), "meet an input of"),
    (Gradients((2, 3), (16, 12), 1, 9, 8, norm=True), ((3, 32, 36),), "cells of 8 do not tile"),
    (SquaredError(), ((16, 48), (16, 24)), "meets a target of"),
]


@pytest.mark.parametrize(("op", "inputs", "output"), FITS)
def test_the_output_shape_follows_from_the_inputs(op: Op, inputs: tuple[Shape, ...], output: Shape) -> None:
    assert op.infer(*inputs) == output


def test_every_primitive_is_among_those_that_fit() -> None:
    modules = {masking.__name__, target.__name__}
    known = [value for value in (*vars(masking).values(), *vars(target).values()) if isinstance(value, type)]
    assert {value for value in known if value.__module__ in modules} == {type(op) for op, *_ in FITS}


@pytest.mark.parametrize(("op", "inputs", "words"), MISFITS)
def test_inputs_that_do_not_fit_are_refused(op: Op, inputs: tuple[Shape, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*inputs)


def test_what_is_dropped_is_not_read() -> None:
    """By hand: what the kept units, or the masked tokens, read, and what they write."""
    windows = 4 * 3 * (3 * 4 + 7) * (1 * 4 + 7)
    assert PatchEmbedKept(PATCH, LAYOUT, 4).moved(((3, 32, 24),), (4, 8, 5)) == windows + 4 * 8 * 5
    assert AddKept().moved(((4, 8, 5), (6, 8, 5)), (4, 8, 5)) == 3 * 4 * 8 * 5
    assert MaskedTokens(LAYOUT, 4).moved(((6, 8, 5),), (16, 5)) == 2 * 16 * 5
    assert LastTokens(32).moved(((1, 48, 5),), (1, 16, 5)) == 0


def test_the_products_of_kept_units_are_theirs_alone() -> None:
    assert PatchEmbedKept(PATCH, LAYOUT, 4).macs(((3, 32, 24),), (4, 8, 5)) == 4 * 8 * 5 * 3 * 49
    assert PatchEmbedKept(PATCH, LAYOUT, 4).acts(((3, 32, 24),), (4, 8, 5)) == 4 * 8 * 5
    assert UnitConv(5, 7, ((2, 2),)).macs(((4, 8, 5),), (4, 2, 7)) == 4 * 2 * 7 * 5 * 4
    assert UnitConv(5, 7, ((2, 2),)).weights() == {"weight": (7, 5, 2, 2), "bias": (7,)}
