"""Predicted time of a graph on a profile, with its interval: kernel list, price, correction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp

from hiera_compiler.estimate.batch_limit import largest_batch, require_room
from hiera_compiler.estimate.kernels import Kernels, Section, kernel_list
from hiera_compiler.estimate.price import RESOURCES, demand, seconds
from hiera_compiler.estimate.profiles import Profile, Tier
from hiera_compiler.estimate.programs.custom import assumed
from hiera_compiler.ir import Graph

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The batches among which the best is looked for; beyond them throughput is flat."""
MILLISECOND = 1e12
"""Femtoseconds. Times are added up in whole ones, so that a sum does not depend on the order of its parts."""
HOST = 6e-6
"""Seconds in which a host issues one kernel to a GPU, from Python, eagerly or compiled: an assumption, not a fit."""


@dataclass(frozen=True)
class Prediction:
    """The predicted speed of a spec in a regime; without the regime and the interval it means nothing.

    `throughput` is in images or clips per second, `latency_ms` the time of one batch of `batch`: throughput is
    ``1000 * batch / latency_ms``. `low` and `high` bound the throughput at 90 %. `stages` and `resources` split the
    seconds of a batch by stage and by what bounds each kernel. Where the host issues kernels more slowly than the
    device runs them, that time counts, and what is waited for is a part of `launch`. `extrapolated_share` is the share
    of the time in kernels that the profile's rows say nothing about; `provenance` says what the profile was fitted on.
    `assumed` names the primitives of other packages whose calls nobody states: each is taken for one pass over memory.
    """

    device: str
    regime: str
    dtype: str
    batch: int
    throughput: float
    latency_ms: float
    low: float
    high: float
    tier: Tier
    stages: tuple[tuple[str, float], ...]
    resources: dict[str, float]
    extrapolated_share: float
    provenance: str
    ratio_spread: float
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ratio:
    """The throughput of one spec over another's in the same regime, with its 90 % interval."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class SectionTime:
    """Femtoseconds of a batch in one section, by resource, and those in kernels that the profile does not know.

    `launches` counts the kernels.
    """

    by_resource: tuple[int, ...]
    extrapolated: int
    launches: int

    @property
    def total(self) -> int:
        return sum(self.by_resource)


def predict(graph: Graph, profile: Profile, batch: int | None = None) -> Prediction:
    """The predicted speed; without a batch, at the batch of best predicted throughput that fits into memory.

    Raises SpecError for a batch that is not positive or does not fit.
    """
    sections = kernel_list(graph, profile.regime)
    limit = largest_batch(graph, profile)
    if batch is None:
        fitting = [size for size in BATCHES if size <= limit] or [1]
        batch = max(fitting, key=lambda size: size / _seconds(sections, profile, size))
    else:
        require_room(batch, limit, profile.device)
    # Of autoencoders no stack was measured: for them those of the family are others.
    tier: Tier = "B" if profile.tier == "A" and "loss" in graph.outputs else profile.tier
    return _prediction(sections, profile, batch, tier, assumed(graph))


def compare(a: Prediction, b: Prediction) -> Ratio:
    """How many times as fast `a` is as `b`; what the whole machine does to both cancels.

    Raises ValueError where they are not of one device and regime.
    """
    if (a.device, a.regime) != (b.device, b.regime):
        raise ValueError(f"{a.device} {a.regime} and {b.device} {b.regime} have no common error to cancel")
    ratio = a.throughput / b.throughput
    width = exp(max(a.ratio_spread, b.ratio_spread))
    return Ratio(ratio, ratio / width, ratio * width)


@lru_cache(maxsize=65536)
def section_time(kernels: Kernels, profile: Profile, batch: int) -> SectionTime:
    """The time of a section, worked out once for equal blocks: what a search adds up."""
    by_resource = dict.fromkeys(RESOURCES, 0)
    extrapolated, launches, constants = 0, 0, profile.constants
    for kernel in kernels.listed:
        needed, resource = seconds(demand(kernel, profile.device, batch), constants)
        time, launch = _femtoseconds(needed), _femtoseconds(kernel.count * constants.launch * constants.scale)
        by_resource[resource] += time
        by_resource["launch"] += launch
        launches += round(kernel.count)
        if kernel.kind not in profile.kinds:
            extrapolated += time + launch
    return SectionTime(tuple(by_resource.values()), extrapolated, launches)


def host_time(profile: Profile) -> int:
    """Femtoseconds that the host takes for one launch; a processor that is its own host waits for nobody."""
    return _femtoseconds(HOST) if profile.device.has_tensor_cores else 0


def _femtoseconds(seconds: float) -> int:
    return round(seconds * 1000 * MILLISECOND)


def _seconds(sections: list[Section], profile: Profile, batch: int) -> float:
    times = [section_time(section.kernels, profile, batch) for section in sections]
    issued = sum(time.launches for time in times) * host_time(profile)
    return max(sum(time.total for time in times), issued) / (1000 * MILLISECOND)


def _prediction(
    sections: list[Section], profile: Profile, batch: int, tier: Tier, assumed: tuple[str, ...]
) -> Prediction:
    times = [section_time(section.kernels, profile, batch) for section in sections]
    on_device, host = sum(time.total for time in times), host_time(profile)
    # Device and host work side by side: the slower of the two is waited for.
    waits = max(0, sum(time.launches for time in times) * host - on_device)
    stages: dict[str, int] = {}
    for section, time in zip(sections, times, strict=True):
        stages[section.name] = stages.get(section.name, 0) + (time.launches * host if waits else time.total)
    total, second = on_device + waits, 1000 * MILLISECOND
    throughput, width = batch * second / total, exp(profile.spread)
    resources = dict(zip(RESOURCES, map(sum, zip(*(time.by_resource for time in times), strict=True)), strict=True))
    resources["launch"] += waits
    return Prediction(
        device=profile.device.name,
        regime=profile.regime.name,
        dtype=profile.regime.dtype,
        batch=batch,
        throughput=throughput,
        latency_ms=total / MILLISECOND,
        low=throughput / width,
        high=throughput * width,
        tier=tier,
        stages=tuple((name, time / second) for name, time in stages.items()),
        resources={name: part / second for name, part in resources.items()},
        extrapolated_share=min(1.0, sum(time.extrapolated for time in times) / on_device),
        provenance=profile.provenance,
        ratio_spread=profile.ratio_spread,
        assumed=assumed,
    )
