"""How far the accuracy estimators can be trusted: the paper's points left out one by one, and the baseline's order.

python -m benchmarks.accuracy; docs/accuracy.md holds what it prints.
"""

from __future__ import annotations

import numpy as np

from benchmarks.table import table
from hiera_search.accuracy import Features, tied
from hiera_search.accuracy.correlation import kendall
from hiera_search.accuracy.fit import Fit
from hiera_search.accuracy.forms import FORMS, MEAN
from hiera_search.accuracy.held_out import gap_errors, predictions
from hiera_search.accuracy.rungs.table import PaperTable, published_rows


def report() -> str:
    """The forms, the six points, and what the bands and the resolution of the rung `table` are, as Markdown."""
    rows, rung = published_rows(), PaperTable.of(None)
    parts = [
        f"- source: Hiera, Table 8 (ImageNet-1K top-1, MAE, 224 pixels), {len(rows)} models\n"
        f"- chosen form: {rung.fit.form.title}\n"
        f"- mean error on a model left out, the choice of the form included: {rung.fit.error:.2f} points\n"
        f"- 90 % band in the middle: {rung.fit.half_width:.2f} points and more to each side\n"
        f"- smallest difference that is more than noise: {rung.fit.resolution:.2f} points\n"
        f"- Kendall's tau of capacity alone: {kendall(rows.features.scaled_capacity, rows.metric):.2f}",
        _forms(rows.features, rows.metric, rung.fit),
        _models(rung),
        _ties(rung),
    ]
    return "\n\n".join(parts)


def _forms(features: Features, metric: np.ndarray, chosen: Fit) -> str:
    columns = ("form", "mean error left out", "worst", "rms of a neighbour's gap")
    lines = []
    for form in (*FORMS, MEAN):
        errors = np.abs(metric - predictions(form, features, metric))
        gaps = float(np.sqrt(np.mean(gap_errors(form, features, metric) ** 2)))
        title = f"{form.title} (chosen)" if form is chosen.form else form.title
        lines.append([title, f"{errors.mean():.2f}", f"{errors.max():.2f}", f"{gaps:.2f}"])
    return table(columns, lines)


def _models(rung: PaperTable) -> str:
    columns = ("model", "published", "left out", "error", "fitted", "90 % band")
    scores = rung.score(rung.rows.features)
    lines = [
        [
            one.spec.name,
            f"{rung.rows.metric[index]:.1f}",
            f"{rung.fit.unseen[index]:.2f}",
            f"{rung.fit.unseen[index] - rung.rows.metric[index]:+.2f}",
            f"{scores.value[index]:.2f}",
            f"{scores.low[index]:.2f} to {scores.high[index]:.2f}",
        ]
        for index, one in enumerate(rung.rows.compilations)
    ]
    return table(columns, lines)


def _ties(rung: PaperTable) -> str:
    scores = rung.score(rung.rows.features)
    first, second = np.triu_indices(len(scores), 1)
    overlap = (scores.low[first] <= scores.high[second]) & (scores.low[second] <= scores.high[first])
    return (
        f"Of the {len(first)} pairs of published models the bands of {int(overlap.sum())} overlap, and "
        f"{int(tied(scores, first, second).sum())} are ties once the error that both share has cancelled."
    )


if __name__ == "__main__":
    print(report())
