"""The roofline: how far each kind of operator is from what the device can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch

from hiera_compiler.profile.count import Work
from hiera_compiler.profile.opkind import OTHER
from hiera_compiler.profile.timing import Timer

LONGEST = 0.25
"""Seconds of one matrix product; larger ones are not tried after it."""


@dataclass(frozen=True)
class Ceilings:
    """The best rates found on the device just now: FLOP/s of a square product, bytes/s of a copy."""

    flops: float
    bandwidth: float


@dataclass(frozen=True)
class Point:
    """One kind of operator: operations for each byte that it moves, and operations and bytes a second."""

    kind: str
    intensity: float
    rate: float
    bandwidth: float
    ceiling: float
    """What the roofline allows at this intensity, operations a second."""
    is_product: bool
    """Its operations are the FLOPs of products; else nominal ones, five or one for each element."""


def ceilings(device: torch.device, dtype: torch.dtype, timer: Timer) -> Ceilings:
    """Ceilings by a quick measurement: the fastest of some square products and copies."""
    large = device.type == "cuda"
    flops, best = 0.0, 0.0
    for side in (1024, 2048, 4096, 8192) if large else (256, 512, 1024, 2048):
        a = torch.randn(side, side, device=device).to(dtype)
        product = partial(torch.matmul, a, a)
        product()
        seconds = min(timer.seconds(product, 4) for _ in range(3))
        flops = max(flops, 2 * side**3 / seconds)
        if seconds > LONGEST / 4:
            break
    source = torch.zeros((1 << 30 if large else 1 << 27) // 4, device=device)
    target = torch.empty_like(source)
    for _ in range(5):
        seconds = timer.seconds(lambda: target.copy_(source))
        best = max(best, 2 * source.nbytes / seconds)
    return Ceilings(flops, best)


def points(work: Mapping[str, Work], seconds: Mapping[str, float], limits: Ceilings) -> list[Point]:
    """A point for each kind that did arithmetic and for which a time was measured; longest first."""
    found = []
    for kind, taken in sorted(seconds.items(), key=lambda one: -one[1]):
        done = work.get(kind)
        operations = (done.flops or done.scalars) if done else 0
        if done is None or not operations or not done.bytes or taken <= 0 or kind == OTHER:
            continue
        intensity = operations / done.bytes
        ceiling = min(limits.flops, intensity * limits.bandwidth)
        found.append(Point(kind, intensity, operations / taken, done.bytes / taken, ceiling, is_product=done.flops > 0))
    return found
