"""Constants from measured rows: least squares on the logarithm of time, held near priors.

Free fits of many constants on few rows lose to priors with one scale, since the constants are nearly collinear;
so every constant has a log-normal prior, and rows only move it as far as they must.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hiera_compiler.devices import Device
from hiera_compiler.estimate.kernel import Kernel
from hiera_compiler.estimate.price import Constants, Demand, demand

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
    "launch": 0.30,
}
"""Standard deviations of the priors' logarithms: how far a constant may move from one stack to another."""
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
    from hiera_compiler.estimate.price import seconds

    needs = list(needs)
    return sum(seconds(need, constants)[0] + need.count * constants.launch * constants.scale for need in needs)


def fit(samples: Sequence[Sample], prior: Constants, names: Sequence[str] = tuple(SPREAD)) -> Constants:
    """The most probable constants given the rows, by damped Gauss-Newton steps from the prior."""
    import numpy as np

    rows = [np.array(entry.demands).T for entry in samples]
    measured = np.log([entry.seconds for entry in samples])
    widths = np.array([SPREAD[name] for name in names])
    step = np.zeros(len(names))

    def residuals(step: NDArray[np.float64]) -> NDArray[np.float64]:
        constants = _moved(prior, names, step)
        errors = (np.log([_total(row, constants) for row in rows]) - measured) / NOISE
        return np.concatenate([errors, step / widths])

    damping = 1e-2
    now = residuals(step)
    for _ in range(40):
        slopes = np.stack([(residuals(step + 1e-4 * axis) - now) / 1e-4 for axis in np.eye(len(names))], axis=1)
        normal = slopes.T @ slopes
        move = -np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slopes.T @ now)
        then = residuals(step + move)
        if then @ then < now @ now:
            converged = now @ now - then @ then < 1e-6 * (now @ now)
            step, now, damping = step + move, then, damping / 3
            if converged:
                break
        else:
            damping *= 4
    return _moved(prior, names, step)


def fit_scale(samples: Sequence[Sample], prior: Constants) -> Constants:
    """The prior with its times multiplied by the geometric mean of measured over predicted."""
    import numpy as np

    ratios = [entry.seconds / total(entry.demands, prior) for entry in samples]
    return replace(prior, scale=prior.scale * float(np.exp(np.mean(np.log(ratios)))))


def _moved(prior: Constants, names: Sequence[str], step: Any) -> Constants:
    import numpy as np

    return replace(prior, **{name: getattr(prior, name) * float(np.exp(by)) for name, by in zip(names, step, strict=True)})


def _total(row: NDArray[np.float64], constants: Constants) -> float:
    import numpy as np

    products, convolutions, attention, unaligned, memory, lanes, count = row
    tensor = (
        products / constants.products
        + convolutions / constants.convolutions
        + attention / constants.attention
        + unaligned / constants.unaligned
    )
    longest = np.maximum(tensor, np.maximum(memory / constants.memory, lanes / constants.lanes))
    return float((longest.sum() + count.sum() * constants.launch) * constants.scale)
