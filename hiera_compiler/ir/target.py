"""The primitives of what a masked autoencoder predicts, pixels or histograms of gradients, and of its loss."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, require


@dataclass(frozen=True)
class Patches(Op):
    """The pixels of each predicted patch, one row a patch in raster order: ``(patches, values)``.

    ``grid`` counts the patches and ``patch`` is the side of one, in pixels; a clip gives one frame in ``frame_step``
    (Hiera's decoder predicts the first frame of a token). The values of a patch of an image are in the order
    (channels, y, x), of a frame (y, x, channels): so the published decoders have learned them.
    """

    grid: tuple[int, ...]
    patch: tuple[int, ...]
    frame_step: int = 1

    def infer(self, *inputs: Shape) -> Shape:
        (pixels,) = inputs
        frames = 1 + (self.grid[0] - 1) * self.frame_step
        sides = tuple(count * side for count, side in zip(self.grid[-2:], self.patch, strict=True))
        needed = (*((frames,) if len(self.grid) == 3 else ()), *sides)
        fits = len(pixels) == len(self.grid) + 1 and all(a >= b for a, b in zip(pixels[1:], needed, strict=True))
        require(fits, f"patches that cover {needed} meet an input of {pixels[1:]}")
        return (prod(self.grid), pixels[0] * prod(self.patch))


@dataclass(frozen=True)
class Standardise(Op):
    """Each row with its mean taken off and divided by its standard deviation (Masked Autoencoders, section 3)."""

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class Gradients(Op):
    """Histograms of oriented gradients of each predicted patch: ``(patches, values)``, in raster order.

    For each channel and each square cell, the magnitudes of the gradients in each of ``bins`` directions, a direction
    and its opposite being one; ``norm`` divides a cell's histogram by its length. The values of a patch are in the
    order (channels, bins, cells in y, cells in x). Grid, patch and frame step are those of ``Patches``.
    """

    grid: tuple[int, ...]
    patch: tuple[int, ...]
    frame_step: int
    bins: int
    cell: int
    norm: bool

    def infer(self, *inputs: Shape) -> Shape:
        places, values = Patches(self.grid, self.patch, self.frame_step).infer(*inputs)
        require(all(side % self.cell == 0 for side in self.patch), f"cells of {self.cell} do not tile {self.patch}")
        return (places, values // self.cell**2 * self.bins)

    def workspace(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        # Of every pixel two differences, a direction and a length; then its votes, beside the choice of each by a byte.
        channels, *_, height, width = inputs[0]
        pixels = channels * (self.grid[0] if len(self.grid) == 3 else 1) * height * width
        return 4 * pixels + self.bins * (pixels + pixels // 4)


@dataclass(frozen=True)
class SquaredError(Op):
    """The mean squared difference of a prediction and its target, over all values of the sample."""

    def infer(self, *inputs: Shape) -> Shape:
        prediction, target = inputs
        require(prediction == target, f"a prediction of {prediction} meets a target of {target}")
        return (1,)
