"""All models of the family by definition, one sample at a time, from a spec and the weights of its emitted module.

Written from the papers, and with nothing of the compiler but the spec: tokens stay in raster order, mask units and
windows are cut out, and what is dropped is not there. Gradients flow through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hiera_compiler.spec import Spec, Stage
from tests.hiera_compiler.emit.family_attention import Attending, cut
from tests.hiera_compiler.emit.family_layers import Layers, Place, Tokens, padded, places


class Family:
    """The maps of every stage, the pyramid and the logits of one sample; ``kept`` are the places of its mask units."""

    def __init__(
        self, spec: Spec, weights: Mapping[str, Tensor], pixels: Tensor, kept: set[Place] | None = None
    ) -> None:
        self.spec, self.layers, self.weights = spec.resolved(), Layers(weights), weights
        self.maps: list[Tensor] = []
        x, number, before = self.stem(pixels, kept), 0, None
        for stage in self.spec.stages:
            for position in range(stage.depth):
                x = self.block(f"blocks.{number}", x, stage, position, before)
                number += 1
            before = stage.attention
            self.maps.append(x.map())
        self.pyramid = self.neck() if self.spec.neck is not None and kept is None else []
        self.logits = self.head(x) if self.spec.head is not None and kept is None else None

    @property
    def outputs(self) -> list[Tensor]:
        return [*self.maps, *self.pyramid, *([] if self.logits is None else [self.logits])]

    def stem(self, pixels: Tensor, kept: set[Place] | None) -> Tokens:
        patch = self.spec.patch
        sizes = zip(pixels.shape[1:], patch.kernel, patch.stride, patch.padding, strict=True)
        grid = [(size + 2 * pad - side) // step + 1 for size, side, step, pad in sizes]
        unit = self.spec.mask_unit or tuple(grid)
        units = tuple(side // own for side, own in zip(grid, unit, strict=True))
        if kept is not None:
            seen = torch.zeros(pixels.shape[1:], dtype=torch.bool)
            for place in places(seen.shape):
                axes = zip(place, unit, patch.stride, units, strict=True)  # pixels beyond the last unit go with it
                seen[place] = tuple(min(p // (side * step), n - 1) for p, side, step, n in axes) in kept
            pixels = pixels * seen
        convolve: Any = (F.conv2d, F.conv3d)[self.spec.axes - 2]
        weight, bias = (self.weights[f"patch_embed.proj.{name}"] for name in ("weight", "bias"))
        x = convolve(pixels[None], weight, bias, patch.stride, patch.padding)[0].movedim(0, -1)
        if patch.norm:
            x = self.layers.norm("patch_embed.norm", self.spec.norm)(x)
        pieces = cut(x + self.positions(grid, x.shape[-1]), units, unit)
        token = None
        if self.spec.class_token:
            token = self.weights["cls_token"].flatten() + self.weights.get("pos_embed_class", torch.zeros(1)).flatten()
        return Tokens({place: piece for place, piece in pieces.items() if kept is None or place in kept}, token, units)

    def positions(self, grid: list[int], channels: int) -> Tensor | float:
        position: Any = self.spec.position
        tables = {name: value for name, value in self.weights.items() if name.startswith("pos_embed")}
        if position.kind == "separable":
            space = tables["pos_embed_spatial"].reshape(1, *grid[1:], channels)
            return space + tables["pos_embed_temporal"].reshape(-1, 1, 1, channels)
        if getattr(position, "base", None) is not None:
            plane = tables["pos_embed"].reshape(*position.base, channels).permute(2, 0, 1).contiguous()
            antialias = getattr(position, "antialias", False)
            stretched = F.interpolate(plane[None], size=grid, mode="bicubic", antialias=antialias)[0].permute(1, 2, 0)
            if position.kind == "absolute":
                return stretched
            rows, columns = (torch.arange(side) % own for side, own in zip(grid, position.window, strict=True))
            return stretched + tables["pos_embed_window"].reshape(*position.window, channels)[rows][:, columns]
        return tables["pos_embed"].reshape(*grid, channels) if position.kind == "absolute" else 0.0

    def block(self, name: str, x: Tokens, stage: Stage, position: int, before: Any) -> Tokens:
        """``before`` is the attention of the stage before it."""
        attention: Any = stage.attention
        if position == 0 and before is not None and stage.first_attention == "previous":
            attention = before
        if position in stage.global_at:
            attention = SimpleNamespace(kind="global", relative=stage.attention.relative)  # type: ignore[attr-defined]
        pool: Any = stage.pool if position == 0 else None
        if pool is not None and pool.kind == "merge":
            x, pool = self.merged(name, x, pool.stride), None
        normed = x.each(self.layers.norm(f"{name}.norm1", self.spec.norm))
        attending = Attending(
            self.layers, f"{name}.attn", attention, stage.channels, stage.heads, pool, position % 2 == 1
        )
        x = self.skip(name, x, normed, stage, pool).plus(self.scaled(f"{name}.ls1", attending.of(normed)))
        normed = x.each(self.layers.norm(f"{name}.norm2", self.spec.norm))
        hidden = normed.each(self.layers.linear(f"{name}.mlp.fc1")).each(self.activation)
        if f"{name}.mlp.proj.weight" in self.weights:
            x = normed.each(self.layers.linear(f"{name}.mlp.proj"))
        return x.plus(self.scaled(f"{name}.ls2", hidden.each(self.layers.linear(f"{name}.mlp.fc2"))))

    def skip(self, name: str, x: Tokens, normed: Tokens, stage: Stage, pool: Any) -> Tokens:
        if x.channels != stage.channels and stage.skip == "max_and_mean":
            kinds = [SimpleNamespace(**vars(pool) | {"kind": kind}) if pool else None for kind in ("max", "average")]
            largest, mean = (x if kind is None else self.layers.pooled("", kind, x) for kind in kinds)
            return largest.beside(mean)
        if x.channels != stage.channels and stage.skip == "pooled_projection":
            x = normed if pool is None else self.layers.pooled(f"{name}.pooled_skip", pool, normed)
            return x.each(self.layers.linear(f"{name}.proj"))
        if x.channels != stage.channels:
            x = normed.each(self.layers.linear(f"{name}.proj"))
        return x if pool is None else self.layers.pooled(f"{name}.pooled_skip", pool, x)

    def merged(self, name: str, x: Tokens, stride: Place) -> Tokens:
        """Neighbours side by side, the offset along the first axis fastest; zeros beyond the end (Swin)."""

        def neighbours(grid: Tensor) -> Tensor:
            beyond = [-side % step for side, step in zip(grid.shape, stride, strict=False)]
            grid = padded(grid, [0] * len(stride), beyond)
            offsets = [offset[::-1] for offset in places(stride[::-1])]
            return torch.cat(
                [grid[tuple(slice(o, None, step) for o, step in zip(one, stride, strict=True))] for one in offsets], -1
            )

        x = x.grids(neighbours).each(self.layers.norm(f"{name}.merge.norm", self.spec.norm))
        return x.each(self.layers.linear(f"{name}.merge.reduction"))

    def scaled(self, name: str, x: Tokens) -> Tokens:
        return x if self.spec.layer_scale is None else x.each(lambda t: t * self.weights[f"{name}.gamma"])

    def activation(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) if self.spec.activation.kind == "relu" else x * (1 + torch.erf(x / 2**0.5)) / 2

    def head(self, x: Tokens) -> Tensor:
        head: Any = self.spec.head
        norm = self.layers.norm("norm", self.spec.norm)
        x = x.each(norm) if head.norm == "before" else x
        pooled = x.token if head.pooling == "class_token" else x.rows()[int(self.spec.class_token) :].mean(0)
        assert pooled is not None
        return self.layers.linear("head.projection")(norm(pooled) if head.norm == "after" else pooled)

    def neck(self) -> list[Tensor]:
        neck: Any = self.spec.neck
        levels: list[Tensor] = []
        if neck.kind == "feature_pyramid":
            coarser: Tensor | None = None
            for level in reversed(range(len(self.maps))):
                x = self.convolved(f"inner_blocks.{level}", f"inner_norms.{level}", self.maps[level])
                if coarser is not None:
                    x = x + F.interpolate(coarser.movedim(-1, 0)[None], size=x.shape[:-1])[0].movedim(0, -1)
                coarser = x
                levels.insert(0, self.convolved(f"layer_blocks.{level}", f"layer_norms.{level}", x))
        else:
            for level, x in enumerate(self.rescaled(neck)):
                x = self.convolved(f"simfp_{level}.lateral", f"simfp_{level}.lateral_norm", x)
                levels.append(self.convolved(f"simfp_{level}.output", f"simfp_{level}.output_norm", x))
        return [*levels, levels[-1][..., ::2, ::2, :]] if neck.extra == "max_pool" else levels

    def rescaled(self, neck: Any) -> list[Tensor]:
        """The last map at 4, 2, 1 and 1/2 of its size (ViTDet, figure 2c); time stays as it is."""
        last, step = self.maps[-1], (*(1,) * (self.spec.axes - 2), 2, 2)
        up: Any = (F.conv_transpose2d, F.conv_transpose3d)[self.spec.axes - 2]

        def doubled(name: str, x: Tensor) -> Tensor:
            weight, bias = (self.weights[f"{name}.{part}"] for part in ("weight", "bias"))
            found: Tensor = up(x.movedim(-1, 0)[None], weight, bias, step)[0].movedim(0, -1)
            return found

        first = doubled("simfp_0.up0", last)
        if neck.norm is not None:
            first = self.layers.norm("simfp_0.up0_norm", neck.norm)(first)
        half = SimpleNamespace(kind="max", stride=step, kernel=None, padding=None)
        whole = Tokens({(0,): last}, None, (1,) * self.spec.axes)
        coarse = self.layers.pooled("", half, whole).pieces[(0,)]
        return [doubled("simfp_0.up1", F.gelu(first)), doubled("simfp_1.up0", last), last, coarse]

    def convolved(self, name: str, norm: str, x: Tensor) -> Tensor:
        kind: Any = self.spec.neck
        convolve: Any = (F.conv2d, F.conv3d)[self.spec.axes - 2]
        weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
        x = convolve(x.movedim(-1, 0)[None], weight, bias, padding="same")[0].movedim(0, -1)
        return x if kind.norm is None else self.layers.norm(norm, kind.norm)(x)
