"""The largest batch of a model that fits into the memory of a device."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, TypeVar

from hiera_compiler.devices import Device
from hiera_compiler.diagnostics import Diagnostic, SpecError, code
from hiera_compiler.estimate.profiles import Profile
from hiera_compiler.estimate.tensor import BYTES
from hiera_compiler.ir import Graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Amount = TypeVar("Amount", float, "NDArray[np.float64]")
"""A number, or an array with one for each of many models."""
USABLE_MEMORY = 0.9
"""The share of a device's memory that the framework leaves for tensors."""


def largest_batch(graph: Graph, profile: Profile) -> int:
    """The largest batch whose weights and widest pair of neighbouring tensors fit into memory."""
    return max(0, int(batch_limit(float(graph.parameter_count), float(widest_pair(graph)), profile)))


def widest_pair(graph: Graph) -> int:
    """The most elements that one primitive reads and writes, for one sample."""
    return max(sum(prod(shape) for shape in (node.shape, *graph.input_shapes(node))) for node in graph)


def batch_limit(params: Amount, widest: Amount, profile: Profile) -> Amount:
    """The largest batch of a model with so many parameters and so wide a pair of tensors; negative without room."""
    size = BYTES[profile.regime.weights]
    weights = params * (size + (2 if profile.regime.autocast else 0))
    return (profile.device.memory_bytes * USABLE_MEMORY - weights) // (widest * size)


def require_room(batch: int, limit: int, device: Device) -> None:
    """Raises SpecError for a batch that is not positive, or beyond the largest that fits."""
    if batch < 1:
        raise SpecError(_no_such_batch(batch))
    if batch > limit:
        raise SpecError(_no_room(batch, limit, device))


@code("H502")
def _no_such_batch(batch: int) -> Diagnostic:
    """A batch that is not positive.

    A batch is the number of images or clips that are run at once: 1 or more, or `auto` for the batch of best
    throughput.
    """
    return Diagnostic("H502", f"a batch of {batch} has nothing to run", help="use a batch of 1 or more, or auto")


@code("H503")
def _no_room(batch: int, limit: int, device: Device) -> Diagnostic:
    """A batch whose tensors do not fit into the memory of the device.

    Counted are the weights and the widest pair of neighbouring tensors, the least that any run needs.
    """
    memory = f"{device.memory_bytes / 1e9:.0f} GB"
    advice = f"use a batch of at most {limit}" if limit else "use a device with more memory, or a smaller spec"
    return Diagnostic("H503", f"a batch of {batch} does not fit into the {memory} of {device.name}", help=advice)
