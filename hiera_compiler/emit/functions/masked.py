"""The tensor functions of masked autoencoders.

Which mask units a sample keeps is data, and how many is not: so all shapes are static, and one full graph compiles.
Units are told by their ascending indices ``[batch, kept]``, and predicted tokens by theirs in raster order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hiera_compiler.emit.prelude import _product, hide_units, kept_by, to_grid, to_units


def random_units(pixels: Tensor, units: int, count: int) -> Tensor:
    """So many of the mask units, drawn for each sample: their ascending indices ``[batch, count]``."""
    noise = torch.rand(pixels.shape[0], units, device=pixels.device)
    return noise.argsort(1)[:, :count].sort(1).values


def chosen_units(mask: Tensor | None, pixels: Tensor, units: int, count: int) -> Tensor:
    """The indices ``[batch, kept]`` of the units that a mask keeps, or without one of so many, drawn."""
    return random_units(pixels, units, count) if mask is None else kept_by(mask, pixels, units, units - 1)


def visible_units(kept: Tensor, units: int) -> Tensor:
    """A boolean mask ``[batch, units]``: true where a unit is kept."""
    return torch.zeros(kept.shape[0], units, dtype=torch.long, device=kept.device).scatter(1, kept, 1).bool()


def masked_places(kept: Tensor, units: Sequence[int], folds: Sequence[Sequence[int]]) -> Tensor:
    """The tokens of the units that are not kept, by their places in raster order: ``[batch, masked]``, ascending."""
    tokens = _product([side for fold in folds for side in fold])
    seen = visible_units(kept, _product(units)).long()
    raster = to_grid(seen[:, :, None, None].expand(-1, -1, tokens, 1), units, folds).flatten(1)
    count = raster.shape[1]
    # A place that is seen comes after all that are not.
    places = torch.arange(count, device=kept.device) + count * raster
    return places.topk(count - kept.shape[1] * tokens, 1, largest=False, sorted=True).values


def embed_kept(
    pixels: Tensor, kept: Tensor, conv: nn.Conv2d | nn.Conv3d, units: Sequence[int], folds: Sequence[Sequence[int]]
) -> Tensor:
    """The patch embedding of the kept units alone, ``[batch, kept, tokens, channels]``.

    It equals that of the whole input with the pixels of dropped units at zero: each unit is cut out with the pixels
    that its border patches reach beyond it.
    """
    sides = [_product([fold[axis] for fold in folds]) for axis in range(len(units))]
    steps = [side * stride for side, stride in zip(sides, conv.stride, strict=True)]
    pads = [pad for pad in reversed(conv.padding) for _ in range(2) if isinstance(pad, int)]
    x = F.pad(hide_units(pixels, kept, units, steps), pads)
    for axis, step in enumerate(steps):
        x = x.unfold(2 + axis, step - conv.stride[axis] + conv.kernel_size[axis], step)
    places: list[Tensor] = []
    rest = kept
    for count in reversed(units):
        places.insert(0, rest % count)
        rest = rest // count
    sample = torch.arange(pixels.shape[0], device=pixels.device)[:, None]
    windows = x.movedim(1, 1 + len(units))[(sample, *places)].flatten(0, 1)
    convolve = F.conv2d if len(units) == 2 else F.conv3d
    embedded = convolve(windows, conv.weight, conv.bias, conv.stride)
    tokens = to_units(embedded.movedim(1, -1), folds)
    # Where no stage pools, they are a view whose channels come first, and would stay so through all blocks.
    return tokens.reshape(*kept.shape, *tokens.shape[2:]).contiguous()


def add_kept(x: Tensor, table: Tensor, kept: Tensor) -> Tensor:
    """The kept units with their rows of a table ``[1, units, tokens, channels]`` added."""
    rows: Tensor = table[0].index_select(0, kept.flatten()).unflatten(0, kept.shape)
    return x + rows


def unit_conv(x: Tensor, conv: nn.Conv2d | nn.Conv3d, folds: Sequence[Sequence[int]]) -> Tensor:
    """A convolution inside each unit over its leading folds, its kernel being its stride: one matrix product."""
    size = _product([side for fold in folds for side in fold])
    pieces = x.unflatten(2, (size, x.shape[2] // size)).transpose(2, 3).flatten(3)
    return F.linear(pieces, to_units(conv.weight.movedim(1, -1), folds).flatten(1), conv.bias)


def take_rows(x: Tensor, masked: Tensor) -> Tensor:
    """The masked rows ``[batch, masked, values]`` of ``[batch or 1, *places, values]``."""
    rows = x.flatten(1, -2).expand(masked.shape[0], -1, -1)
    return rows.gather(1, masked[:, :, None].expand(-1, -1, x.shape[-1]))


def cut_patches(pixels: Tensor, grid: Sequence[int], patch: Sequence[int], step: int) -> Tensor:
    """The pixels of each patch, ``[batch, patches, values]``: by (channels, y, x), a clip's by (y, x, channels)."""
    (rows, columns), (height, width) = grid[-2:], patch
    whole = predicted_frames(pixels, grid, step)[..., : rows * height, : columns * width]
    x: Tensor = whole.unflatten(-1, (columns, width)).unflatten(-3, (rows, height))
    if len(grid) == 2:
        return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    return x.permute(0, 2, 3, 5, 4, 6, 1).flatten(4).flatten(1, 3)


def predicted_frames(pixels: Tensor, grid: Sequence[int], step: int) -> Tensor:
    """The frames of a clip that are predicted: the first of each token. An image stays as it is."""
    return pixels if len(grid) == 2 else pixels[:, :, ::step][:, :, : grid[0]]


def standardise(rows: Tensor) -> Tensor:
    """Each row with mean 0 and, without bias, variance 1."""
    return (rows - rows.mean(-1, keepdim=True)) / (rows.var(-1, keepdim=True) + 1e-6).sqrt()


def oriented_gradients(
    pixels: Tensor, grid: Sequence[int], patch: Sequence[int], step: int, bins: int, cell: int, norm: bool
) -> Tensor:
    """Histograms of oriented gradients (Dalal and Triggs, 2005) of each predicted patch, ``[batch, patches, values]``.

    Differences of the two neighbours, none at the border; in each cell and channel the mean over its pixels of the
    magnitudes in every direction of half a circle; with ``norm`` divided by the histogram's length. In 32 bits or
    more: halves tell few directions apart, and nothing is added to the length of an empty histogram. It is the target
    of a loss, so that no gradient reaches the pixels.
    """
    x = predicted_frames(pixels.detach(), grid, step).movedim(1, -3)  # [batch, (frames,) channels, height, width]
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    (rows, columns), (height, width) = grid[-2:], patch
    down = F.pad(x[..., 2:, :] - x[..., :-2, :], (0, 0, 1, 1))
    right = F.pad(x[..., 2:] - x[..., :-2], (1, 1))
    direction = (torch.atan2(down, right).remainder(torch.pi) * (bins / torch.pi)).floor().remainder(bins)
    each = torch.arange(bins, device=x.device).view(bins, 1, 1)
    length = (down.square() + right.square()).sqrt()  # ONNX has no hypot
    votes = length[..., None, :, :] * (direction[..., None, :, :] == each)
    votes = votes[..., : rows * height, : columns * width]
    cells = F.avg_pool2d(votes.flatten(0, -4), cell).view(*votes.shape[:-2], rows * height // cell, -1)
    if norm:
        cells = cells / (cells.square().sum(-3, keepdim=True) + 1e-10).sqrt()
    cells = cells.unflatten(-1, (columns, width // cell)).unflatten(-3, (rows, height // cell))
    first = cells.ndim - 6  # [batch, (frames,) channels, bins, rows, y, columns, x]
    order = [*range(first), first + 2, first + 4, first, first + 1, first + 3, first + 5]
    result: Tensor = cells.permute(order).flatten(-4).flatten(1, -2).to(pixels.dtype)
    return result


def initialise_autoencoder(model: nn.Module) -> None:
    """The reference's initial weights for pretraining: Xavier for linear layers and patches, 0.02 for tables."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    stem = model.get_submodule("patch_embed.proj")
    if isinstance(stem, nn.Conv2d | nn.Conv3d):
        nn.init.xavier_uniform_(stem.weight.data.flatten(1))
    for parameter in model.parameters(recurse=False):
        nn.init.trunc_normal_(parameter, std=0.02)
