"""Which input a position embedding needs is what its kind says, whatever its name and its options are."""

from __future__ import annotations

from typing import Literal

import pytest

import hiera_compiler as hc
from hiera_compiler.checks import check_axes
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Position
from hiera_compiler.source import load


class Rotary(Position):
    """One for images and clips, whose `base` is no table."""

    kind: Literal["rotary"] = "rotary"
    base: float = 10_000.0

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        return grid


class OfFrames(Rotary):
    """One for clips only."""

    @property
    def frames(self) -> bool | None:
        return True


class OfAPlane(Rotary):
    """One for images only."""

    @property
    def frames(self) -> bool | None:
        return False


@pytest.mark.parametrize(
    ("kind", "image", "clip"),
    [(Rotary, [], []), (OfFrames, ["H203"], []), (OfAPlane, [], ["H209"])],
)
def test_a_kind_says_which_input_it_needs(kind: type[Position], image: list[str], clip: list[str]) -> None:
    for name, expected in (("hiera_t", image), ("hiera_b_16x224", clip)):
        spec = hc.compile(name).spec.model_copy(update={"position": kind(kind="rotary")})
        assert [found.diagnostic.code for found in check_axes(spec, load(name))] == expected
