"""Predicted speed on devices that are not here, as data and for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import fill
from typing import TYPE_CHECKING, Any

from hiera_cli.columns import columns

if TYPE_CHECKING:
    from hiera_compiler import Compilation
    from hiera_compiler.estimate.predict import Prediction

AUTOENCODERS = (
    "Of masked autoencoders the whole forward pass is predicted, loss included, and no training step. The intervals\n"
    "are those of classifiers, for no autoencoder was measured."
)
NOTED = 0.05
"""The share of the time in kernels without a measurement from which on it is said."""


def predictions(compilation: Compilation, device: str, batch: int | None) -> list[Prediction]:
    """The predictions of a spec in every regime that is known for a device; without a batch, at the best one.

    Raises SpecError for an unknown device, and a batch that does not fit into its memory.
    """
    from hiera_compiler.estimate.predict import predict
    from hiera_compiler.estimate.profiles import profiles_for

    profiles = profiles_for(device, autoencoder=compilation.task == "mae")
    return [predict(compilation.graph, profile, batch) for profile in profiles]


def warn(device: str) -> None:
    """Say on stderr which kept calibrations are left out, and what makes those of this device less certain."""
    from hiera_cli.exits import show_problems
    from hiera_compiler.estimate.calibration import kept
    from hiera_compiler.estimate.profiles import profiles_for

    of_device = dict.fromkeys(profile.warning for profile in profiles_for(device) if profile.warning)
    show_problems((*kept()[1], *of_device))


def prediction_data(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain data; ``stages`` and ``resources`` are seconds of one batch."""
    found = asdict(prediction)
    return found | {"stages": [{"name": name, "seconds": seconds} for name, seconds in prediction.stages]}


def tables(predicted: Sequence[tuple[str, Sequence[Prediction]]]) -> str:
    """The predictions of specs: one row each, then where the time of one spec goes, or the ratios of several."""
    header = ["predicted", "device", "regime", "dtype", "batch", "samples/s", "90 % interval", "ms a batch", "tier"]
    rows = [[name, *_cells(one)] for name, found in predicted for one in found]
    parts = [columns(header, rows, right={4, 5, 6, 7})]
    if len(predicted) == 1:
        parts.append(_shares(predicted[0][1]))
    else:
        parts.append("\n".join(_ratios(predicted)))
    parts += filter(None, ["\n".join(_notes(predicted))])
    return "\n\n".join([*parts, _legend([one for _, found in predicted for one in found])])


def _cells(one: Prediction) -> list[str]:
    interval = f"{_figure(one.low)}–{_figure(one.high)}"
    throughput = _figure(one.throughput)
    return [one.device, one.regime, one.dtype, str(one.batch), throughput, interval, _figure(one.latency_ms), one.tier]


def _shares(found: Sequence[Prediction]) -> str:
    """Where the time goes, in per cent: by stage, and by what bounds each kernel."""
    stages = [name for name, _ in found[0].stages]
    resources = list(found[0].resources)
    rows = []
    for one in found:
        total = sum(seconds for _, seconds in one.stages)
        parts = [*dict(one.stages).values(), *one.resources.values(), one.extrapolated_share * total]
        rows.append([one.regime, *(f"{100 * part / total:.0f}" for part in parts)])
    header = ["% of the time", *stages, *resources, "extrapolated"]
    return columns(header, rows, right=range(1, len(header)))


def _ratios(predicted: Sequence[tuple[str, Sequence[Prediction]]]) -> Iterator[str]:
    """The throughput of each spec over the first one's, regime by regime."""
    from hiera_compiler.estimate.predict import compare

    (base, of_bases), *others = predicted
    for name, found in others:
        for one, of_base in zip(found, of_bases, strict=True):
            ratio = compare(one, of_base)
            band = f"{ratio.ratio:.3g} ({ratio.low:.3g}–{ratio.high:.3g})"
            yield f"{name} has {band} times the throughput of {base} in {one.regime}"


def _notes(predicted: Sequence[tuple[str, Sequence[Prediction]]]) -> Iterator[str]:
    """Which predictions rest on kernels that the rows of their stack do not have; tier C has no rows at all."""
    for name, found in predicted:
        for one in found:
            if one.tier != "C" and one.extrapolated_share >= NOTED:
                share = f"{name} in {one.regime}: {100 * one.extrapolated_share:.0f} % of the time is in kernels"
                yield f"{share} that no row of the fit has: its interval does not cover them"


def _legend(found: Sequence[Prediction]) -> str:
    sources = dict.fromkeys(f"{one.regime}: {one.provenance}" for one in found)
    wrapped = [fill(source, 118, subsequent_indent="  ", break_on_hyphens=False) for source in sources]
    return "\n".join(
        [
            "samples: images, or clips. Tier A: stack measured, with models of this family; B: measured with others;",
            "C: never measured, from the data sheet. By regime, what its figures rest on:",
            *wrapped,
            *_assumed(found),
        ]
    )


def _assumed(found: Sequence[Prediction]) -> Iterator[str]:
    names = sorted({name for one in found for name in one.assumed})
    if names:
        yield f"No package states the calls of {', '.join(names)}: each is taken for one pass over memory."


def _figure(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
