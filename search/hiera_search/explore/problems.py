"""The diagnostics of a search's limits: H621 and H630."""

from __future__ import annotations

from hiera_compiler.diagnostics import Diagnostic, code
from hiera_search.accuracy import Estimator
from hiera_search.report.figures import budgets
from hiera_search.report.form import Front


@code("H621")
def not_an_accuracy(estimator: Estimator) -> Diagnostic:
    """A least accuracy is asked for, and the score is no accuracy.

    Without data a search maximises a size score, which has no unit. The rung `table` estimates ImageNet-1K accuracy
    from the paper's published points, and `fitted` from rows of your own.
    """
    return Diagnostic(
        "H621",
        f"--min-accuracy needs an accuracy, and the score {estimator.scored_by!r} is none",
        help="add --accuracy table, or --accuracy fitted --rows FILE.csv",
        notes=(estimator.note,),
    )


@code("H630")
def nothing_fits(front: Front) -> Diagnostic:
    """No candidate of the space meets every limit.

    The message names the limit that most lawful candidates exceed, and the candidate that comes nearest to all limits
    together. Where times are predicted, a candidate has to meet its limit at the safe side of the prediction: `--risk`
    says with which probability it may be missed.
    """
    impossible = front.impossible
    assert impossible is not None
    texts = dict(zip(front.budgets, budgets(front), strict=True))
    most = texts.get(impossible.limit, f"the rule {impossible.limit}")
    near = impossible.nearest
    notes = []
    if near is not None:
        notes.append(
            f"the nearest has {near.latency_ms:.4g} ms ({near.latency_low:.4g} to {near.latency_high:.4g}), "
            f"{near.macs / 1e9:.4g} GMACs, {near.params / 1e6:.4g} M parameters, {near.memory_bytes / 1e9:.3g} GB "
            f"and a score of {near.accuracy:.6g}"
        )
    return Diagnostic(
        "H630",
        f"no candidate meets the budget: {most} refuses {100 * impossible.refuses_share:.4g} % of "
        f"{front.space.lawful or front.evaluated} candidates",
        help="allow more, or search a space that reaches further; `hiera space` shows what a space costs",
        notes=tuple(notes),
    )
