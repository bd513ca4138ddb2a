"""Constants of a machine from its microbenchmarks and whole models, and how well they predict a model left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from hiera_compiler.estimate.calibrated import Anchor, CalibratedRegime, Figure
from hiera_compiler.estimate.fit import EFFICIENCIES, Sample, fit, fit_scale, total
from hiera_compiler.estimate.price import Constants

STUDENT = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81)
"""95 % quantiles of Student's distribution with 1, 2, ... degrees of freedom: models left out, less one."""
LEAST = 0.08
"""The narrowest half-width: about that of the shipped profiles that were fitted on forty public rows."""
WITHOUT_ANCHORS = 0.5
"""The half-width where no two whole models were measured, and nothing could be left out."""
NAMES = (*EFFICIENCIES, "scale")


@dataclass(frozen=True)
class Row:
    """A whole model as measured: its sample is named after the model, and its batch is given here."""

    sample: Sample
    batch: int


def fitted(
    regime: str, micro: Sequence[Sample], rows: Sequence[Row], kinds: frozenset[str], host_bound: Sequence[str] = ()
) -> CalibratedRegime:
    """Constants from everything, with the errors on models that were left out one by one."""
    alone = fit(micro, Constants()) if micro else Constants()
    errors = [abs(total(one.demands, alone) / one.seconds - 1.0) for one in micro]
    constants = with_models(alone, [row.sample for row in rows])
    anchors = tuple(_anchor(row, rows, alone) for row in rows)
    spread, ratio_spread = spreads(anchors)
    return CalibratedRegime.model_validate(
        {
            "regime": regime,
            "tier": "A" if anchors else "B",
            "constants": {name: _figure(name, constants) for name in NAMES},
            "spread": spread,
            "ratio_spread": ratio_spread,
            "kinds": kinds,
            "anchors": anchors,
            "microbenchmarks": len(micro),
            "microbenchmark_error": sum(errors) / len(errors) if errors else 0.0,
            "host_bound": tuple(host_bound),
        }
    )


def with_models(constants: Constants, rows: Sequence[Sample]) -> Constants:
    """The constants of microbenchmarks, scaled to whole models: few rows settle one constant, and not more."""
    return fit_scale(rows, constants) if rows else constants


def spreads(anchors: Sequence[Anchor]) -> tuple[float, float]:
    """Half-widths of 90 % intervals, of times and of ratios, from the errors on models that were left out.

    The rows of one model err alike, so that models are counted and not rows.
    """
    errors: dict[str, list[float]] = {}
    for anchor in anchors:
        if anchor.held_out_seconds is not None:
            errors.setdefault(anchor.model, []).append(log(anchor.seconds / anchor.held_out_seconds))
    if len(errors) < 2:
        return WITHOUT_ANCHORS, WITHOUT_ANCHORS / 2
    quantile = STUDENT[min(len(errors) - 1, len(STUDENT)) - 1]
    every = [error for some in errors.values() for error in some]
    middle = sum(every) / len(every)
    around = sqrt(sum(error * error for error in every) / len(every))
    between = sqrt(sum((error - middle) ** 2 for error in every) / len(every))
    return max(LEAST, quantile * around), max(LEAST / 2, min(quantile * sqrt(2.0) * between, quantile * around))


def _anchor(row: Row, rows: Sequence[Row], alone: Constants) -> Anchor:
    others = [other.sample for other in rows if other.sample.name != row.sample.name]
    predicted = total(row.sample.demands, with_models(alone, others)) if others else None
    return Anchor(model=row.sample.name, batch=row.batch, seconds=row.sample.seconds, held_out_seconds=predicted)


def _figure(name: str, constants: Constants) -> Figure:
    """A constant that no row moves off its prior by a hundredth is not known any better than before."""
    value = getattr(constants, name)
    moved = name == "scale" or abs(log(value / getattr(Constants(), name))) > 0.01
    return Figure(value=value, source="fitted" if moved else "assumed")
