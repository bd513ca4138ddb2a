"""An axis of a drawing: values to pixels, and the ticks between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, floor, isclose, log, log10

_STEPS = ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
"""Where a logarithmic axis has ticks within a power of ten, from many to few."""

_WIDE = 2.5
"""The ratio of the ends from which an axis of positive values is logarithmic."""

_LEAST = 1e-12
"""Lower values are taken for zero, which a logarithmic axis has no place for."""


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high`` on pixels from ``start`` to ``end``, which may run upwards."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high, value = (log(x) if self.logarithmic else x for x in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def holds(self, value: float) -> bool:
        """Whether the value is on the axis."""
        return self.low <= value <= self.high

    def ticks(self, most: int) -> tuple[float, ...]:
        """Round values on the axis, at most as many as asked for."""
        if self.logarithmic:
            for steps in _STEPS:
                found = self._decades(steps)
                if 3 <= len(found) <= most:
                    return found
        raw = (self.high - self.low) / most
        unit = 10.0 ** floor(log10(raw))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * 0.999)
        first = ceil(self.low / step)
        return tuple(step * number for number in range(first, floor(self.high / step) + 1))

    def _decades(self, steps: Sequence[float]) -> tuple[float, ...]:
        powers = range(floor(log10(self.low)), floor(log10(self.high)) + 1)
        return tuple(step * 10.0**power for power in powers for step in steps if self.holds(step * 10.0**power))


def axis(values: Iterable[float], start: float, end: float, margin: float = 0.05) -> Axis:
    """An axis that holds all values, with a margin; logarithmic where they are positive and spread widely."""
    ordered = sorted(values) or [1.0]
    low, high = ordered[0], ordered[-1]
    logarithmic = low >= _LEAST and high / low >= _WIDE
    if logarithmic:
        pad = exp(margin * log(high / low))
        return Axis(low / pad, high * pad, start, end, True)
    pad = margin * (high - low) or abs(high) * 0.1 or 1.0
    return Axis(low - pad, high + pad, start, end, False)


def labels(ticks: Sequence[float]) -> list[str]:
    """The ticks as text, with as many digits as tell neighbours apart."""
    for digits in range(1, 10):
        texts = [f"{tick:.{digits}g}" if abs(tick) < 1000 else f"{tick:,.0f}" for tick in ticks]
        read = [float(text.replace(",", "")) for text in texts]
        exact = all(isclose(value, tick, rel_tol=1e-6) for value, tick in zip(read, ticks, strict=True))
        if exact and all(a != b for a, b in pairwise(texts)):
            return [_plain(text) for text in texts]
    return [f"{tick:g}" for tick in ticks]


def _plain(text: str) -> str:
    return f"{float(text):g}" if "e" in text else text
