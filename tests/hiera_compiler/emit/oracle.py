"""Hiera by definition: tokens at their coordinates, explicit index sets, no clever order. Slow, and easy to check.

One sample at a time, from a resolved spec and the weights of an emitted module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from hiera_compiler.spec import Spec, Stage

Place = tuple[int, ...]


@dataclass
class Tokens:
    """A vector at each place of a grid; places of dropped mask units are absent. ``unit``: a unit's sides now."""

    at: dict[Place, Tensor]
    unit: Place

    def unit_of(self, place: Place) -> Place:
        return _divided(place, self.unit)


class Oracle:
    """The outputs of one sample; ``kept`` are the mask units that are not dropped, by their coordinates."""

    def __init__(
        self, spec: Spec, weights: Mapping[str, Tensor], pixels: Tensor, kept: set[Place] | None = None
    ) -> None:
        self.spec = spec.resolved()
        self.weights = weights
        self.kept = kept
        self.features: list[Tokens] = []
        x = self.stem(pixels)
        number = 0
        for index, stage in enumerate(self.spec.stages):
            for position in range(stage.depth):
                x = self.block(f"blocks.{number}", x, index, stage, is_first=position == 0)
                number += 1
            self.features.append(x)
        self.logits = self.head(x) if self.spec.head is not None else None

    def stem(self, pixels: Tensor) -> Tokens:
        patch, unit = self.spec.patch, self.spec.mask_unit
        assert unit is not None
        size = pixels.shape[1:]
        axes = list(zip(size, patch.kernel, patch.stride, patch.padding, strict=True))
        grid = [(n + 2 * pad - side) // step + 1 for n, side, step, pad in axes]
        units = _divided(tuple(grid), unit)
        if self.kept is not None:
            sides = [side * step for side, step in zip(unit, patch.stride, strict=True)]
            for pixel in _places(size):
                # Pixels beyond the last unit go with it.
                at_unit = (min(p // side, count - 1) for p, side, count in zip(pixel, sides, units, strict=True))
                if tuple(at_unit) not in self.kept:
                    for colour in pixels:
                        colour[pixel] = 0
        padded = F.pad(pixels, [pad for *_, pad in reversed(axes) for _ in range(2)])
        at = {}
        for row, place in enumerate(_places(grid)):
            seen = padded
            for axis, (i, (_, side, step, _)) in enumerate(zip(place, axes, strict=True)):
                seen = seen.narrow(axis + 1, i * step, side)
            weight = self.weights["patch_embed.proj.weight"].flatten(1)
            at[place] = weight @ seen.flatten() + self.weights["patch_embed.proj.bias"] + self.position(row, grid)
        tokens = Tokens(at, unit)
        if self.kept is not None:
            tokens.at = {place: vector for place, vector in at.items() if tokens.unit_of(place) in self.kept}
        return tokens

    def position(self, row: int, grid: list[int]) -> Tensor:
        if self.spec.position.kind == "absolute":
            return self.weights["pos_embed"][0, row]
        frame = grid[1] * grid[2]
        return self.weights["pos_embed_spatial"][0, row % frame] + self.weights["pos_embed_temporal"][0, row // frame]

    def block(self, name: str, x: Tokens, index: int, stage: Stage, *, is_first: bool) -> Tokens:
        attention = stage.attention
        if is_first and index > 0 and stage.first_attention == "previous":
            attention = self.spec.stages[index - 1].attention
        normed = {place: self.norm(f"{name}.norm1", vector) for place, vector in x.at.items()}
        qkv = {place: self.linear(f"{name}.attn.qkv", vector).chunk(3) for place, vector in normed.items()}
        query, skip = {place: parts[0] for place, parts in qkv.items()}, x.at
        if f"{name}.proj.weight" in self.weights:
            skip = {place: self.linear(f"{name}.proj", vector) for place, vector in normed.items()}
        unit = x.unit
        if is_first and stage.pool is not None:
            query, skip = (_max_pooled(values, stage.pool.stride) for values in (query, skip))
            unit = _divided(unit, stage.pool.stride)
        out = Tokens({}, unit)
        for place, q in query.items():
            seen = [p for p in qkv if attention.kind == "global" or x.unit_of(p) == out.unit_of(place)]
            keys, values = (torch.stack([qkv[p][part] for p in seen]) for part in (1, 2))
            y = skip[place] + self.linear(f"{name}.attn.proj", _attended(q, keys, values, stage.heads))
            out.at[place] = y + self.mlp(name, self.norm(f"{name}.norm2", y))
        return out

    def mlp(self, name: str, x: Tensor) -> Tensor:
        hidden = self.linear(f"{name}.mlp.fc1", x)
        active = hidden.clamp(min=0) if self.spec.activation.kind == "relu" else hidden * _normal_cdf(hidden)
        return self.linear(f"{name}.mlp.fc2", active)

    def head(self, x: Tokens) -> Tensor:
        mean = torch.stack(list(x.at.values())).mean(0)
        return self.linear("head.projection", self.norm("norm", mean))

    def linear(self, name: str, x: Tensor) -> Tensor:
        return self.weights[f"{name}.weight"] @ x + self.weights[f"{name}.bias"]

    def norm(self, name: str, x: Tensor) -> Tensor:
        epsilon = self.spec.norm.model_dump()["epsilon"]
        centred = x - x.mean()
        scaled: Tensor = centred / (centred.square().mean() + epsilon).sqrt()
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def _max_pooled(values: dict[Place, Tensor], stride: Place) -> dict[Place, Tensor]:
    blocks: dict[Place, list[Tensor]] = {}
    for place, vector in values.items():
        blocks.setdefault(_divided(place, stride), []).append(vector)
    return {place: torch.stack(vectors).max(0).values for place, vectors in blocks.items()}


def _attended(query: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    size = len(query) // heads
    outputs = []
    for channels in (slice(head * size, (head + 1) * size) for head in range(heads)):
        scores = keys[:, channels] @ query[channels] / size**0.5
        weights = scores.exp() / scores.exp().sum()
        outputs.append(weights @ values[:, channels])
    return torch.cat(outputs)


def _normal_cdf(x: Tensor) -> Tensor:
    return (1 + torch.erf(x / 2**0.5)) / 2


def _places(sizes: Sequence[int]) -> Iterator[Place]:
    """All places of a grid in raster order."""
    return product(*(range(size) for size in sizes))


def _divided(place: Place, by: Place) -> Place:
    return tuple(n // step for n, step in zip(place, by, strict=True))
