"""How many candidates can be looked at: millions where parts are added up, thousands where each is compiled."""

from __future__ import annotations

from dataclasses import dataclass

from hiera_search.explore import enumeration
from hiera_search.explore.evolution import Effort


@dataclass(frozen=True)
class Reach:
    """How far a search goes: points of the largest space that is enumerated, and candidates priced at a time.

    `candidates` are those of an evolution, `sample` those that stand for a space in `hiera space`.
    """

    points: int
    chunk: int
    candidates: int
    sample: int


BY_PARTS = Reach(enumeration.MOST, enumeration.CHUNK, Effort.candidates, sample=10_000)
"""Samples of ten thousand give shares to a percent."""
WHOLE = Reach(points=10_000, chunk=64, candidates=2_000, sample=500)
