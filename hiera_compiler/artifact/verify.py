"""Whether two forms of one model give the same outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any, cast

import torch
from torch import Tensor, nn

from hiera_compiler.artifact import problems
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.artifact.report import Check
from hiera_compiler.ir.masking import masking
from hiera_compiler.pipeline import Compilation

TOLERANCE = 1e-5
"""The largest relative difference between two float32 forms of one model."""

Inputs = tuple[Tensor, ...]
Outputs = Sequence[Tensor]
Function = Callable[..., Outputs]
"""A form of a model, from its inputs to its outputs."""


def sample(shape: Sequence[int], batch: int, device: str) -> Tensor:
    """A batch of normal noise ``[batch, *shape]``, the same at each call."""
    # Made on the CPU: the generators of other devices give other numbers.
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0)).to(device)


def inputs(compilation: Compilation, batch: int, device: str) -> Inputs:
    """What the model takes: pixels, and for a masked autoencoder the indices of the mask units that it keeps."""
    pixels = sample(compilation.spec.input_shape, batch, device)
    if compilation.task != "mae":
        return (pixels,)
    masked = masking(compilation.graph)
    drawn = torch.rand(batch, masked.units, generator=torch.Generator().manual_seed(1)).argsort(1)[:, : masked.kept]
    return pixels, drawn.sort(1).values.to(device)


def logits(model: Callable[..., Tensor | Sequence[Tensor]], *inputs: Tensor) -> Outputs:
    """What the model's ``forward`` gives for each sample, as a list of tensors; the loss of an autoencoder is left out.

    The loss follows from prediction and target, and its mask was given.
    """
    with torch.inference_mode():
        found = model(*inputs)
    tensors = [found] if isinstance(found, Tensor) else list(found)
    return [tensor for tensor in tensors if tensor.ndim > 0 and tensor.is_floating_point()]


def everything(model: nn.Module, *inputs: Tensor) -> Outputs:
    """The maps of every stage, and the logits where the model has a head; or what an autoencoder gives."""
    if not hasattr(model, "features"):
        return logits(model, *inputs)
    features = logits(cast(Any, model).features, *inputs)
    found = logits(model, *inputs)
    return [*features, *found] if len(found) == 1 else features


def compare(what: str, found: Outputs, expected: Outputs, tolerance: float = TOLERANCE) -> Check:
    """The comparison of ``found`` with the eager outputs; raises BuildError where they differ by more."""
    difference = max((_difference(a, b) for a, b in zip(found, expected, strict=True)), key=_nan_last)
    check = Check(what, len(expected[0]), difference, tolerance)
    if not check.passed:
        raise BuildError(problems.outputs_differ(what, difference, tolerance))
    return check


def require_finite(outputs: Outputs, module: nn.Module, weights: str | PathLike[str] | None) -> None:
    """Raise BuildError where an output has infinities or NaN; it names the weights, of that file, which have them."""
    for tensor in outputs:
        if not _is_finite(tensor):
            names = [name for name, value in module.state_dict().items() if not _is_finite(value)]
            raise BuildError(problems.not_finite(f"an output of shape {list(tensor.shape)}", names, weights))


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions and products of float32 in float32, also where a GPU would take shorter formats by default."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def _is_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    if found.shape != expected.shape:
        return float("inf")
    gap = (found.to(expected.device) - expected).abs().max()
    # Outputs that are all zero have no scale: then any difference counts in full.
    return float(gap / expected.abs().max().clamp_min(torch.finfo(expected.dtype).tiny))


def _nan_last(value: float) -> tuple[bool, float]:
    return value != value, value
