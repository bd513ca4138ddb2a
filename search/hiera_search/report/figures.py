"""Figures as people read them, the same in the page, the table and the comment of a spec file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor, inf, log10

import yaml

from hiera_search.report.form import Candidate, Front, Objective, SpaceFacts

_BUDGETS: Mapping[str, tuple[str, str]] = {
    "latency_ms": ("at most", "ms a batch"),
    "gmacs": ("at most", "GMACs"),
    "mparams": ("at most", "M parameters"),
    "memory_gb": ("at most", "GB"),
    "min_accuracy": ("at least", ""),
    "min_throughput": ("at least", "samples/s"),
}
"""The direction and unit of each limit; that of a score is the estimator's."""

OF_TIME = frozenset({"latency_ms", "min_throughput"})
"""The limits that predictions are held against, at a risk."""

COSTS: Mapping[str, str] = {"latency": "latency", "macs": "GMACs", "params": "parameters", "memory": "memory"}
"""The costs that a front may be against, in words."""

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def budgets(front: Front) -> Iterator[str]:
    """The limits in words: "at most 2.5 ms a batch"."""
    for name, value in front.budgets.items():
        yield limit(name, value, front.objective)


def risk(front: Front) -> str:
    """After the limits, how sure it is that predicted times meet them; nothing where none is of time."""
    accepted = front.regime.risk
    if accepted is None or not front.budgets.keys() & OF_TIME:
        return ""
    return f"; the time of each is over it with a probability of {accepted:g} at most"


def limit(name: str, value: float, objective: Objective) -> str:
    """One limit in words."""
    bound, unit = _BUDGETS.get(name, (name, ""))
    return f"{bound} {value:g} {unit or objective.unit}".rstrip()


def count(number: int) -> str:
    """A whole number with its digits in groups; a huge one rounded to a power of ten."""
    if number < 10**9:
        return f"{number:,}"
    power = floor(log10(number))
    return f"{number / 10**power:.1f}×10{str(power).translate(_SUPERSCRIPT)}"


def points(space: SpaceFacts) -> str:
    """How large the space is, and how much of it was looked at."""
    looked = "all priced" if space.exact else "searched in part"
    return f"{count(space.points)} points, {looked}"


def option(value: object) -> str:
    """What was chosen at a hole, as a space has it: "{kind: window, window: 4, shift: true}"."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=inf)
    return text.removesuffix("...\n").strip()


def name(whole: str, longest: int) -> str:
    """A name, cut in the middle to a length: names of one space differ at their ends."""
    tail = longest // 2
    return whole if len(whole) <= longest else f"{whole[: longest - tail - 1]}…{whole[-tail:]}"


def milliseconds(value: float) -> str:
    """A time in ms with three digits, without its unit."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value < 0.01 else f"{value:#.3g}".rstrip(".")


def rate(value: float) -> str:
    """Samples a second, with three digits or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def score(value: float, objective: Objective) -> str:
    """A score: an accuracy with two decimals, a size with three digits at least."""
    if objective.is_accuracy:
        return f"{value:.2f}"
    return count(round(value)) if abs(value) >= 100 else f"{value:.4g}"


def interval(low: str, high: str) -> str:
    """A range such as "1.98–2.70"; nothing where it has no width."""
    return "" if low == high else f"{low}–{high}"


def latency_interval(one: Candidate) -> str:
    """The 90 % interval of a latency, without its unit."""
    return interval(milliseconds(one.latency_low), milliseconds(one.latency_high))


def score_interval(one: Candidate, objective: Objective) -> str:
    """The band of a score, without its unit; nothing for a score that has none."""
    return interval(score(one.accuracy_low, objective), score(one.accuracy_high, objective))


def regime(front: Front) -> str:
    """What the latencies are of."""
    at = front.regime
    return f"{at.device}, {at.regime}, {at.dtype}, batch {at.batch}, tier {at.tier}"
