"""The time of a kernel on a device: the slowest of its resources, and a launch.

``time = max(tensor cores, memory, scalar lanes) + launch``, each of the three a demand in seconds at data-sheet
rates divided by an efficiency. Few constants, each with a meaning and a prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Literal, NamedTuple

from hiera_compiler.devices import Device
from hiera_compiler.estimate.kernel import Kernel

Resource = Literal["tensor cores", "memory", "scalar lanes", "launch"]
RESOURCES: tuple[Resource, ...] = ("tensor cores", "memory", "scalar lanes", "launch")


@dataclass(frozen=True)
class Constants:
    """Efficiencies of a software stack on a device; the defaults are priors.

    `products`, `convolutions`, `attention`, `memory`: shares of the data sheet's rates that large kernels reach.
    `unaligned`: the rate of half-precision products whose leading dimensions are odd, as a share of the fp32 rate.
    `lanes`: scalar instructions issued per lane and cycle; `depthwise`: the same in depthwise convolutions.
    `launch`: seconds that a kernel costs in a full queue.
    `scale`: all times are multiplied by it; it absorbs what one machine's clocks and protocol add.
    """

    products: float = 0.70
    convolutions: float = 0.40
    attention: float = 0.45
    unaligned: float = 0.60
    memory: float = 0.85
    lanes: float = 0.80
    depthwise: float = 0.80
    launch: float = 2.5e-6
    scale: float = 1.0


class Demand(NamedTuple):
    """Seconds that a kernel needs of each resource at the data sheet's rates, all its repetitions together."""

    products: float
    convolutions: float
    attention: float
    unaligned: float
    memory: float
    lanes: float
    depthwise: float
    launches: float


def demand(kernel: Kernel, device: Device, batch: int) -> Demand:
    """The demand of a kernel for one batch."""
    count = kernel.count
    memory = (kernel.moved * batch + kernel.moved_fixed) / device.bandwidth * count
    lanes = (kernel.issued * batch + kernel.issued_fixed) / device.lane_rate * count
    products = convolutions = attention = unaligned = depthwise = 0.0
    match kernel.kind:
        case "product":
            products = _product_seconds(kernel, device, batch) * count
            if kernel.dtype == "fp16" and kernel.alignment < 8:
                products, unaligned = 0.0, products
        case "convolution":
            convolutions = _product_seconds(kernel, device, batch) * count
        case "attention":
            attention = _attention_seconds(kernel, device, batch) * count
        case "depthwise":
            lanes, depthwise = 0.0, lanes
    return Demand(products, convolutions, attention, unaligned, memory, lanes, depthwise, count)


def seconds(need: Demand, constants: Constants) -> tuple[float, Resource]:
    """The time of a kernel without its launch, and the resource that bounds it."""
    tensor = (
        need.products / constants.products
        + need.convolutions / constants.convolutions
        + need.attention / constants.attention
        + need.unaligned / constants.unaligned
    )
    memory = need.memory / constants.memory
    lanes = need.lanes / constants.lanes + need.depthwise / constants.depthwise
    if tensor >= memory and tensor >= lanes:
        return tensor * constants.scale, "tensor cores"
    if memory >= lanes:
        return memory * constants.scale, "memory"
    return lanes * constants.scale, "scalar lanes"


def _product_seconds(kernel: Kernel, device: Device, batch: int) -> float:
    """Tensor work padded to tiles and to whole waves of multiprocessors; short depths do not fill the pipeline."""
    rows = kernel.rows * batch if kernel.growth == "rows" else kernel.rows
    stacks = kernel.stacks * batch if kernel.growth == "stacks" else kernel.stacks
    row_tile, column_tile = _tile(rows), _tile(kernel.columns)
    blocks = ceil(rows / row_tile) * ceil(kernel.columns / column_tile) * stacks
    depth = _up(kernel.depth, 16)
    work = 2.0 * _waves(blocks, device.multiprocessors) * row_tile * column_tile * depth
    if kernel.dtype == "fp32":
        return work / device.rate("fp32")
    if kernel.dtype == "tf32":
        return work / device.rate("tf32")
    if kernel.alignment < 8:
        return work / device.rate("fp32")
    return work / device.rate("fp16") * (depth + 64) / depth


def _attention_seconds(kernel: Kernel, device: Device, batch: int) -> float:
    """A fused kernel works on 64 queries by 64 keys at the least, and on widths in steps of 32."""
    work = 4.0 * kernel.stacks * batch * _up(kernel.rows, 64) * _up(kernel.columns, 64) * _up(kernel.depth, 32)
    return work / device.rate("fp16" if kernel.dtype == "fp16" else "fp32")


@cache
def _tile(size: float) -> int:
    """The tile side that wastes least: small tiles pad less and re-read more."""
    return min((128, 64, 32, 16), key=lambda tile: ceil(size / tile) * tile * (1 + 8 / tile))


def _up(size: float, step: int) -> float:
    return ceil(size / step) * step


def _waves(blocks: float, multiprocessors: int) -> float:
    """Blocks, rounded up to whole waves where there are few of them."""
    waves = blocks / multiprocessors
    return ceil(waves) * multiprocessors if 0 < waves < 4 else blocks
