"""The diagnostics of a search's score and limits: H62x, and H630 where nothing fits."""

from __future__ import annotations

from math import log

from hiera_compiler.diagnostics import Diagnostic, code
from hiera_search.accuracy import Estimator
from hiera_search.explore.budgets import margin
from hiera_search.report.figures import OF_TIME, budgets
from hiera_search.report.form import Candidate, Front


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


@code("H624")
def not_of_autoencoders(estimator: Estimator) -> Diagnostic:
    """A search over masked autoencoders cannot be scored by the parameters and MACs of classifiers.

    An accuracy is estimated from figures of the model that classifies. With `--task mae` those of the autoencoder are
    worked out, and only scores that look at depths and channels alone hold for both.
    """
    return Diagnostic(
        "H624",
        f"the score {estimator.scored_by!r} is of figures of classifiers, and --task mae has those of autoencoders",
        help="leave --accuracy out, or search with --task classify",
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
    share = f"{100 * impossible.refuses_share:.4g} %"
    texts = dict(zip(front.budgets, budgets(front), strict=True))
    if impossible.limit not in texts:
        rule = impossible.limit
        return Diagnostic(
            "H630",
            f"no candidate is a lawful architecture: {rule} refuses {share} of {front.evaluated} candidates",
            help=f"let the holes have other options: `hiera explain {rule}` says what the rule asks",
        )
    near = impossible.nearest
    notes = []
    if near is not None:
        notes.append(
            f"the nearest has {near.latency_ms:.4g} ms ({near.latency_low:.4g} to {near.latency_high:.4g}), "
            f"{near.macs / 1e9:.4g} GMACs, {near.params / 1e6:.4g} M parameters, {near.memory_bytes / 1e9:.3g} GB "
            f"and a score of {near.accuracy:.6g}"
        )
        if front.regime.risk is not None and impossible.limit in OF_TIME:
            notes.append(_has_to_allow(near, front.regime.batch, front.regime.risk))
    count = f"{front.space.lawful} candidate{'s' if front.space.lawful > 1 else ''}"
    none = "no candidate meets" if front.space.exact else "no candidate was found that meets"
    return Diagnostic(
        "H630",
        f"{none} the budget: {texts[impossible.limit]} refuses {share} of {count}",
        help="allow more, or search a space that reaches further; `hiera space` shows what a space costs",
        notes=tuple(notes),
    )


def _has_to_allow(one: Candidate, batch: int, risk: float) -> str:
    """The time that is held against a limit, longer than the predicted one by what the risk asks."""
    spread = log(one.latency_high / one.latency_low) / 2
    slow = one.latency_ms * margin(spread, risk)
    return (
        f"a limit of time has to allow it {slow:.4g} ms ({1000 * batch / slow:.4g} samples/s): "
        f"with a probability of {risk:g} it is slower (--risk)"
    )
