"""Rung `table`: a fit through the paper's published points."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from hiera_search.accuracy.fit import fit
from hiera_search.accuracy.fitting import Fitting
from hiera_search.accuracy.forms import FORMS, MEAN
from hiera_search.accuracy.rows import Rows, read_rows

PUBLISHED = Path(__file__).parent.parent / "published.csv"


class PaperTable(Fitting):
    """ImageNet-1K top-1 accuracy after the paper's recipe (Hiera, Table 8), for images.

    The user's rows of that recipe may be added: those whose recipe is `mae-in1k-224`, or not said. What it says of
    clips, of inputs of another size than 224 pixels, and of architectures unlike the paper's is extrapolated.
    """

    rung = "table"
    unit = "% ImageNet-1K top-1"

    def __init__(self, rows: Rows, remark: str = "") -> None:
        super().__init__(rows, fit((MEAN, *FORMS), rows.features, rows.metric, ceiling=100.0))
        self.note = (
            f"ImageNet-1K top-1 of images at 224 px after the paper's recipe (MAE), estimated by {self.fit.form.title} "
            f"through {len(rows)} models; mean error on a model left out {self.fit.error:.2f} points{remark}"
        )

    @classmethod
    def of(cls, rows: Rows | None) -> PaperTable:
        if rows is None:
            return _published()
        ours = published_rows()
        own = rows.of("", *ours.recipes)
        left = len(rows) - len(own)
        return cls(_joined(ours, own), f"; rows of other recipes left out: {left}" if left else "")


def _joined(published: Rows, own: Rows) -> Rows:
    """Both; of a published model that the user has trained too, the user's row alone."""
    again = {one.spec.hash for one in own.compilations}
    kept = [index for index, one in enumerate(published.compilations) if one.spec.hash not in again]
    return replace(
        own,
        compilations=(*(published.compilations[index] for index in kept), *own.compilations),
        metric=np.concatenate([published.metric[kept], own.metric]),
        recipes=(*(published.recipes[index] for index in kept), *own.recipes),
    )


@cache
def published_rows() -> Rows:
    """The paper's six models."""
    return read_rows(PUBLISHED)


@cache
def _published() -> PaperTable:
    return PaperTable(published_rows())
