"""Pooling that is not the prelude's maximum over a unit's leading fold."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hiera_compiler.emit.prelude import to_grid, to_units


def pool_mean(x: Tensor, size: int) -> Tensor:
    """The mean over the leading fold of each unit: ``[b, units, tokens, c]`` to ``[b, units, tokens / size, c]``."""
    folded: Tensor = x.unflatten(2, (size, x.shape[2] // size))
    return folded.mean(2)


def slide_max(
    x: Tensor,
    folds: tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
) -> Tensor:
    """The maximum under a kernel that slides over each unit; ``folds`` order its tokens before and after."""
    images = as_images(x, folds[0], len(kernel))
    pooled = torch.max_pool2d if len(kernel) == 2 else torch.max_pool3d
    return as_units(pooled(images, kernel, stride, padding), x, folds[1])


def slide_mean(
    x: Tensor,
    folds: tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
) -> Tensor:
    """The mean under a kernel that slides over each unit, padding counted as zeros."""
    images = as_images(x, folds[0], len(kernel))
    pool = F.avg_pool2d if len(kernel) == 2 else F.avg_pool3d
    if len(kernel) == 3 and any(size > side for size, side in zip(kernel, images.shape[2:], strict=True)):
        # Only of clips does torch ask that the kernel fits before anything is padded.
        images, padding = F.pad(images, [pad for pad in reversed(padding) for _ in range(2)]), (0, 0, 0)
    if len(kernel) == 3 and images.device.type == "cpu":
        # Nor has it means of clips in 16 bits there.
        images = images.to(torch.promote_types(images.dtype, torch.float32))
    return as_units(pool(images, kernel, stride, padding), x, folds[1]).to(x.dtype).contiguous()


def slide_convolution(
    x: Tensor, convolution: nn.Conv2d | nn.Conv3d, folds: tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]
) -> Tensor:
    """A depth-wise convolution that slides over each unit; groups of as many channels as it has share its weights."""
    images = as_images(x, folds[0], convolution.weight.ndim - 2)
    weight, groups = convolution.weight, images.shape[1]
    if groups > len(weight):
        weight = weight.repeat(groups // len(weight), *(1,) * (images.ndim - 1))
    stride, padding = convolution.stride, [int(side) for side in convolution.padding]
    reach = [max(pair) for pair in zip(convolution.kernel_size, stride, strict=True)]
    small = any(side <= most for side, most in zip(images.shape[2:], reach, strict=True))
    if small and any(padding) and images.device.type == "cpu" and torch.is_grad_enabled():
        # There torch gives weights in bfloat16 wrong gradients where an edge of the kernel meets padding alone.
        images, padding = F.pad(images, [pad for pad in reversed(padding) for _ in range(2)]), [0] * len(padding)
    slid: Tensor
    if images.ndim == 4:
        slid = F.conv2d(images, weight, None, stride, padding, groups=groups)
    else:
        slid = F.conv3d(images, weight, None, stride, padding, groups=groups)
    return as_units(slid, x, folds[1])


def as_images(x: Tensor, folds: Sequence[Sequence[int]], axes: int) -> Tensor:
    """Each unit as an image of its own: ``[b, units, tokens, c]`` to ``[b * units, c, *unit]``."""
    return to_grid(x.flatten(0, 1).unsqueeze(1), [1] * axes, folds).movedim(-1, 1)


def as_units(images: Tensor, x: Tensor, folds: Sequence[Sequence[int]]) -> Tensor:
    """Images ``[b * units, c, *unit]`` as tokens ``[b, units, tokens, c]`` of the batch and units that ``x`` has."""
    return to_units(images.movedim(1, -1), folds).reshape(x.shape[0], x.shape[1], -1, images.shape[1])
