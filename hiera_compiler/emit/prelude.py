"""The tensor functions that every emitted model calls; emitted files carry this text at their head.

Tokens are window-major: ``[batch, units, tokens in a unit, channels]``. Attention inside mask units then is
4-D attention with the units folded into the batch, global attention is a view, pooling is a reduction over
the leading tokens of a unit, and dropping units is one gather. The order inside a unit is that of
``hiera_compiler.ir.UnitLayout``: the finest neighbour offset varies slowest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# --- the prelude starts here ---


class DropPath(nn.Module):
    """Stochastic depth: in training a sample's branch is zero with probability ``rate``, else scaled up."""

    keep: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__()
        # A tensor, not a number: blocks that differ only in their rate then share one compiled graph.
        # On the CPU even where the model is built on the meta device, whose values would be lost.
        self.register_buffer("keep", torch.tensor(1.0 - rate, device="cpu"), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand((len(x), *(1,) * (x.ndim - 1)), device=x.device) < self.keep
        return x * (kept / self.keep).to(x.dtype)


def to_units(grid: Tensor, folds: Sequence[Sequence[int]]) -> Tensor:
    """Raster order ``[batch, *grid, channels]`` to window-major order ``[batch, units, tokens, channels]``."""
    depth = len(folds)
    sizes = [grid.shape[0]]
    for axis, size in enumerate(grid.shape[1:-1]):
        factors = [fold[axis] for fold in reversed(folds)]
        sizes += [-1 if size == 0 else size // _product(factors), *factors]
    starts = range(1, len(sizes), depth + 1)
    order = [0, *starts, *(start + depth - k for k in range(depth) for start in starts), len(sizes)]
    tokens = _product([side for fold in folds for side in fold])
    return grid.reshape(*sizes, grid.shape[-1]).permute(order).reshape(grid.shape[0], -1, tokens, grid.shape[-1])


def to_grid(x: Tensor, units: Sequence[int], folds: Sequence[Sequence[int]]) -> Tensor:
    """Window-major order back to raster order, channels last.

    Gives ``[batch, *grid, channels]``, or ``[batch, kept units, *unit, channels]`` where units were dropped.
    """
    whole = x.shape[1] == _product(units)
    outer = list(units) if whole else [x.shape[1]]
    axes, depth, first = len(units), len(folds), 1 + len(outer)
    inner = [[first + axes * k + axis for k in reversed(range(depth))] for axis in range(axes)]
    if whole:
        order = [dim for axis in range(axes) for dim in (1 + axis, *inner[axis])]
    else:
        order = [1, *(dim for axis in range(axes) for dim in inner[axis])]
    sides = [_product([fold[axis] for fold in folds]) for axis in range(axes)]
    sizes = [count * side for count, side in zip(units, sides, strict=True)] if whole else [x.shape[1], *sides]
    split = x.reshape(x.shape[0], *outer, *(side for fold in folds for side in fold), x.shape[-1])
    return split.permute(0, *order, split.ndim - 1).reshape(x.shape[0], *sizes, x.shape[-1])


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, across_units: bool) -> Tensor:
    """Multi-head softmax attention, each unit by itself or across all units of a sample."""
    batch, units, queries, channels = query.shape
    rows = batch if across_units else batch * units
    q, k, v = (x.reshape(rows, -1, heads, channels // heads).transpose(1, 2) for x in (query, key, value))
    mixed: Tensor
    if explicit_products_win(k):
        mixed = ((q * (channels // heads) ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
    else:
        mixed = F.scaled_dot_product_attention(q, k, v)
    return mixed.transpose(1, 2).reshape(batch, units, queries, channels)


# Private in torch, so it may move; where it is missing, the fused kernel is the safe choice.
BFLOAT16_PRODUCTS = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def explicit_products_win(key: Tensor) -> bool:
    """Whether attention over keys ``[rows, heads, tokens, channels]`` is fastest as two products and a softmax.

    The fused kernel wins or ties wherever this was measured, but in two cases, both on the CPU: compiled in
    float32 over few tokens, where bias, scale and softmax fuse around the products; and in bfloat16 where the
    CPU multiplies it itself, as long as the scores stay small, for the fused kernel computes in float32. In training
    it computes them a second time, and the products win up to more keys, and to the more the wider a head is.
    """
    if key.device.type != "cpu":
        return False
    if key.dtype == torch.bfloat16:
        most = max(256, 16 * key.shape[3]) if key.requires_grad else 256
        return BFLOAT16_PRODUCTS and key.shape[2] <= most
    compiles = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
    return compiles and key.dtype == torch.float32 and key.shape[2] <= 64


def pool_max(x: Tensor, size: int) -> Tensor:
    """The maximum over the leading fold of each unit: ``[b, units, tokens, c]`` to ``[b, units, tokens / size, c]``."""
    folded: Tensor = x.unflatten(2, (size, x.shape[2] // size))
    return folded.amax(2)


def require_input(pixels: Tensor, shape: Sequence[int]) -> None:
    """Raise ValueError for pixels that are not ``[batch, *shape]``: of some others the layers would make something."""
    if list(pixels.shape[1:]) != list(shape):
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"the model takes pixels of shape [batch, {wanted}], and these are {list(pixels.shape)}")


def kept_by(mask: Tensor, pixels: Tensor, units: int, most: int) -> Tensor:
    """The indices ``[batch, kept]`` of the units that a mask keeps, which may be such indices itself.

    Raises ValueError for a mask that does not fit the pixels and their units, or keeps none or more than ``most``.
    Compiled and exported code, and CUDA graphs, cannot look at indices: there they are taken as they are.
    """
    whole = mask.dtype == torch.bool
    kept = kept_units(mask, units) if whole else mask
    if kept.ndim != 2 or kept.shape[0] != pixels.shape[0] or kept.dtype not in (torch.int64, torch.int32):
        forms = f"[{pixels.shape[0]}, {units}], or the int64 indices of kept units [{pixels.shape[0]}, kept]"
        raise ValueError(f"a mask of these pixels is boolean {forms}, and this is {mask.dtype} {list(mask.shape)}")
    if not 1 <= kept.shape[1] <= most:
        raise ValueError(f"the mask keeps {kept.shape[1]} of {units} mask units, and may keep 1 to {most}")
    taken = whole or kept.is_meta or torch.compiler.is_compiling()
    taken = taken or (kept.is_cuda and torch.cuda.is_current_stream_capturing())
    if not (taken or bool((kept[:, 1:] > kept[:, :-1]).all() & (kept >= 0).all() & (kept < units).all())):
        raise ValueError(f"indices of kept mask units ascend, from 0 to {units - 1}; zeros and ones must be boolean")
    return kept


def kept_units(mask: Tensor, units: int) -> Tensor:
    """The indices ``[batch, kept]`` of the units that a boolean mask ``[batch, units]`` keeps, in raster order.

    Every sample must keep as many units. The count depends on the data: call this outside compiled code.
    """
    if mask.ndim != 2 or mask.shape[1] != units:
        raise ValueError(f"a mask of shape {list(mask.shape)} is not [batch, {units}], a value for each mask unit")
    counts = mask.sum(1)
    if not bool((counts == counts[0]).all()):
        raise ValueError(f"every sample must keep as many mask units, and these keep {sorted(set(counts.tolist()))}")
    return mask.nonzero()[:, 1].view(len(mask), -1)


def select_units(x: Tensor, kept: Tensor | None) -> Tensor:
    """The kept units of ``[batch, units, tokens, channels]``; ``kept`` holds unit indices ``[batch, kept]``."""
    if kept is None:
        return x
    return x.gather(1, kept[:, :, None, None].expand(-1, -1, *x.shape[2:]))


def hide_units(pixels: Tensor, kept: Tensor | None, units: Sequence[int], sides: Sequence[int]) -> Tensor:
    """The input with the pixels of dropped units at zero, so that nothing leaks through overlapping patches.

    A unit has as many pixels along each axis as ``sides`` says; those beyond the last unit go with it.
    """
    if kept is None:
        return pixels
    mask = pixels.new_zeros(pixels.shape[0], _product(units)).scatter(1, kept, 1)
    pairs = [size for pair in zip(units, sides, strict=True) for size in pair]
    ones = [size for count in units for size in (count, 1)]
    shown = mask.view(-1, 1, *ones).expand(-1, 1, *pairs)
    shown = shown.reshape(-1, 1, *(count * side for count, side in zip(units, sides, strict=True)))
    rest = [max(size - whole, 0) for size, whole in zip(pixels.shape[2:], shown.shape[2:], strict=True)]
    if any(rest):
        shown = F.pad(shown, [pad for after in reversed(rest) for pad in (0, after)], mode="replicate")
    for axis, size in enumerate(pixels.shape[2:]):
        shown = shown.narrow(2 + axis, 0, size)
    return pixels * shown


def initialise(model: nn.Module, head: nn.Linear | None) -> None:
    """The reference's initial weights: normal of 0.02 cut at 2, biases 0.02, and a head a thousandth of that."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d):
            nn.init.trunc_normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear | nn.LayerNorm) and module.bias is not None:
            nn.init.constant_(module.bias, 0.02)
    for parameter in model.parameters(recurse=False):
        nn.init.trunc_normal_(parameter, std=0.02)
    if head is not None:
        with torch.no_grad():
            head.weight.mul_(0.001)
            head.bias.mul_(0.001)


def _product(numbers: Sequence[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result
