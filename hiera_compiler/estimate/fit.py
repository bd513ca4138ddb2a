"""Constants from measured rows: least squares on the logarithm of time, held near priors.

Free fits of many constants on few rows lose to priors with one scale, since the constants are nearly collinear;
so every constant has a log-normal prior, and rows only move it as far as they must.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import TYPE_CHECKING

from hiera_compiler.devices import Device
from hiera_compiler.estimate.kernel import Kernel
from hiera_compiler.estimate.price import Constants, Demand, demand, seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPREAD = {
    "products": 0.20,
    "convolutions": 0.40,
    "attention": 0.40,
    "unaligned": 0.40,
    "memory": 0.10,
    "lanes": 0.30,
    "depthwise": 0.60,
    "launch": 0.30,
    "scale": 0.40,
}
"""Standard deviations of the priors' logarithms: how far a constant may move from one stack to another."""
EFFICIENCIES = tuple(name for name in SPREAD if name != "scale")
NOISE = 0.05
"""The standard deviation of the model's own error, in the logarithm of a row's time."""


@dataclass(frozen=True)
class Sample:
    """A measured row as the fit sees it: what its kernels demand, and the seconds of a batch."""

    name: str
    family: str
    demands: tuple[Demand, ...]
    seconds: float


def sample(name: str, family: str, kernels: Iterable[Kernel], device: Device, batch: int, throughput: float) -> Sample:
    """A row whose batch takes ``batch / throughput`` seconds."""
    return Sample(name, family, tuple(demand(k, device, batch) for k in kernels), batch / throughput)


def total(needs: Iterable[Demand], constants: Constants) -> float:
    """Seconds of a batch, launches included."""
    return sum(seconds(need, constants)[0] + need.launches * constants.launch * constants.scale for need in needs)


def fit(samples: Sequence[Sample], prior: Constants, names: Sequence[str] = EFFICIENCIES) -> Constants:
    """The most probable constants given the rows, by damped Gauss-Newton steps from the prior."""
    import numpy as np

    table = np.array([need for entry in samples for need in entry.demands]).T
    starts = np.cumsum([0, *(len(entry.demands) for entry in samples)])[:-1]
    measured = np.log([entry.seconds for entry in samples])
    widths = np.array([SPREAD[name] for name in names])

    def residuals(step: NDArray[np.float64]) -> NDArray[np.float64]:
        modelled = np.log(np.add.reduceat(_seconds(table, _moved(prior, names, step)), starts))
        return np.concatenate([(modelled - measured) / NOISE, step / widths])

    step, damping = np.zeros(len(names)), 1e-2
    now = residuals(step)
    for _ in range(60):
        slopes = np.stack([(residuals(step + 1e-4 * axis) - now) / 1e-4 for axis in np.eye(len(names))], axis=1)
        normal = slopes.T @ slopes
        move = -np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slopes.T @ now)
        then = residuals(step + move)
        gain = now @ now - then @ then
        if gain > 0:
            step, now, damping = step + move, then, damping / 3
        else:
            damping *= 4
        if 0 <= gain < 1e-7 * (now @ now):
            break
    return _moved(prior, names, step)


def fit_scale(samples: Sequence[Sample], prior: Constants) -> Constants:
    """The prior with its times multiplied by the geometric mean of measured over predicted."""
    ratios = [log(entry.seconds / total(entry.demands, prior)) for entry in samples]
    return replace(prior, scale=prior.scale * exp(sum(ratios) / len(ratios)))


def _moved(prior: Constants, names: Sequence[str], step: NDArray[np.float64]) -> Constants:
    return replace(prior, **{name: getattr(prior, name) * exp(by) for name, by in zip(names, step, strict=True)})


def _seconds(table: NDArray[np.float64], constants: Constants) -> NDArray[np.float64]:
    """Each kernel's time; the same rule as ``price.seconds``, for many kernels at once."""
    import numpy as np

    need = Demand(*table)
    tensor = (
        need.products / constants.products
        + need.convolutions / constants.convolutions
        + need.attention / constants.attention
        + need.unaligned / constants.unaligned
    )
    issued = need.lanes / constants.lanes + need.depthwise / constants.depthwise
    longest = np.maximum(tensor, np.maximum(need.memory / constants.memory, issued))
    return np.asarray((longest + need.launches * constants.launch) * constants.scale)
