"""A front for people: one row for each winner, with the nearest published model beside or below it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from textwrap import fill, shorten
from typing import TYPE_CHECKING

from hiera_cli.columns import columns
from hiera_compiler.diagnostics.cells import printable

if TYPE_CHECKING:
    from hiera_search.report import Candidate, Front

_PIPED = 120
"""The width of a table that is written to no terminal."""

_LONGEST = 32
_SHORTEST = 12
"""Letters of a name that are shown where there is room, and where there is not."""


def room() -> int:
    """The columns that there are for a table or a picture: the terminal's, and those of a wide page in a pipe."""
    return shutil.get_terminal_size((_PIPED, 24)).columns if sys.stdout.isatty() else _PIPED


def front_table(front: Front, width: int = _PIPED, top: int | None = None) -> str:
    """The title, a row for each winner, and what the columns mean, in lines of at most ``width``.

    ``top`` limits the rows to the first ones. Where nothing fits the budgets, the nearest candidate is shown.
    """
    shown = front.front[:top]
    parts = [fill(printable(front.title), width)]
    if front.impossible:
        parts.append(fill(_nothing(front), width, break_on_hyphens=False))
        shown = (front.impossible.nearest,) if front.impossible.nearest else ()
    if shown:
        parts.append(_fitted(front, shown, width))
    return "\n\n".join([*parts, "\n".join(fill(line, width, break_on_hyphens=False) for line in _legend(front, shown))])


def _fitted(front: Front, shown: Sequence[Candidate], width: int) -> str:
    """The table with all in one row if that fits, else with a second line below each row."""
    from hiera_search.report import figures

    right = range(1, 8 if any(one.measured for one in shown) else 7)
    wide = columns(*_table(front, shown, _LONGEST, beside=True), right=right)
    if _width(wide) <= width:
        return wide
    whole = columns(*_table(front, shown, _LONGEST, beside=False), right=right)
    names = max(len(figures.name(printable(one.name), _LONGEST)) for one in shown)
    longest = max(_SHORTEST, names - max(0, _width(whole) - width))
    head, rule, *rows = columns(*_table(front, shown, longest, beside=False), right=right).split("\n")
    below = (_below(one, front) for one in shown)
    return "\n".join([head, rule, *(line for line in chain(*zip(rows, below, strict=True)) if line)])


def _width(table: str) -> int:
    return max(map(len, table.split("\n")))


def _table(front: Front, shown: Sequence[Candidate], longest: int, beside: bool) -> tuple[list[str], list[list[str]]]:
    from hiera_search.report import figures

    goal = front.objective
    measured = ["measured"] if any(one.measured for one in shown) else []
    score = goal.unit if len(goal.unit) <= 12 else "score"
    header = ["name", "params M", "GMACs", "ms", "90 %", *measured, "samples/s", score]
    has_bands = beside and any(figures.score_interval(one, goal) for one in shown)
    has_nearest = beside and any(one.nearest for one in shown)
    # Beside the score, flush left.
    header += ["band"] * has_bands + ["nearest published"] * has_nearest
    rows = [
        [
            figures.name(printable(one.name), longest),
            f"{one.params / 1e6:.2f}",
            f"{one.macs / 1e9:.2f}",
            figures.milliseconds(one.latency_ms),
            figures.latency_interval(one),
            *([figures.milliseconds(one.measured.latency_ms) if one.measured else ""] if measured else []),
            figures.rate(one.throughput),
            figures.score(one.accuracy, goal) + ("*" if one.extrapolated else ""),
            *([figures.score_interval(one, goal)] * has_bands),
            *([_nearest(one)] * has_nearest),
        ]
        for one in shown
    ]
    return header, rows


def _nearest(one: Candidate) -> str:
    return printable(one.nearest.text) if one.nearest else ""


def _below(one: Candidate, front: Front) -> str:
    from hiera_search.report import figures

    band = figures.score_interval(one, front.objective)
    parts = [f"band {band}" if band else "", _nearest(one)]
    text = ", ".join(part for part in parts if part)
    return f"  {text}" if text else ""


def _nothing(front: Front) -> str:
    from hiera_search.report import figures

    why = front.impossible
    if why is None:
        return ""
    limit = front.budgets.get(why.limit)
    if limit is None:
        return f"nothing fits: no candidate is lawful; {why.limit} refuses {100 * why.refuses_share:.3g} % of them"
    words = figures.limit(why.limit, limit, front.objective)
    share = f"{100 * why.refuses_share:.3g} % of the lawful candidates"
    none = "nothing fits" if front.space.exact else "nothing was found that fits"
    return f"{none}: {words} alone refuses {share}{'; nearest to the budget:' if why.nearest else ''}"


def _legend(front: Front, shown: Sequence[Candidate]) -> Iterator[str]:
    from hiera_search.report import figures

    at, goal = front.regime, front.objective
    yield f"ms: one batch of {at.batch}, predicted with its 90 % interval for {figures.regime(front)}."
    measured = [one.measured for one in shown if one.measured]
    if measured:
        elsewhere = "" if measured[0].as_predicted else f", another machine than the {at.device} of the prediction"
        yield f"measured: median ms of one batch on {at.measured_on}{elsewhere}."
    yield f"score: {goal.unit}, rung {goal.rung}; {printable(shorten(front.note, 500))}."
    if goal.against != "latency":
        yield f"front: the score against {figures.COSTS[goal.against]}."
    if any(one.extrapolated for one in shown):
        yield "*: extrapolated, outside what the estimator was fitted on."
    if front.ties and goal.is_accuracy:
        best = figures.score(max(one.accuracy for one in front.ties), goal)
        several = f"{len(front.ties)} ties" if len(front.ties) > 1 else "1 tie"
        yield (
            f"{several}, with a score of up to {best}, in front.csv and the report: costlier than a row here, and "
            "better by no more than the estimate's error."
        )
    inputs = dict.fromkeys(one.nearest.input for one in shown if one.nearest and one.nearest.input)
    if inputs:
        yield f"nearest published: at its own input, {' or '.join(map(printable, inputs))}."
    hidden = len(front.front) - len(shown)
    if hidden > 0:
        yield f"{hidden} more on the front."
    if front.budgets:
        yield f"budget: {'; '.join(figures.budgets(front))}{figures.risk(front)}."
