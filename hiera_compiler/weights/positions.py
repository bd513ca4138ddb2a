"""Position tables for another input size."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt, prod

from torch import Tensor
from torch.nn import functional as F

MAX_ROWS = 2**20
"""Places of a table that is resized: the 1024×1024 tokens of an image of 4096×4096 pixels."""

Grid = tuple[int, ...]


def grid_of(shape: tuple[int, ...], wanted: Grid, clips: tuple[Grid, Grid] | None = None) -> Grid | None:
    """The grid, with as many axes as ``wanted``, of a table of this shape; None where it cannot be told.

    One axis has as many places as there are rows. A table ``[1, channels, h, w]`` says its grid. One of
    ``[1, rows, channels]`` is taken to be as wanted if it has as many rows, else square, else of the wanted
    proportions; if it has frames, as many frames as wanted, or else the wanted frame. Where the tokens of a whole
    clip are known, in the file and as wanted (``clips``), it is to the one as ``wanted`` to the other if it has as many
    rows.
    """
    if len(shape) == 4:
        above = wanted[:-2]
        return (*above, *shape[2:]) if prod(above) == 1 else None
    rows = shape[1]
    if clips is not None and len(wanted) == 3:
        sides = [Fraction(side * before, after) for side, before, after in zip(wanted, *clips, strict=True)]
        if prod(sides) == rows and all(side.denominator == 1 for side in sides):
            return tuple(map(int, sides))
    if rows == prod(wanted):
        return wanted
    if len(wanted) == 1:
        return (rows,)
    if len(wanted) == 2:
        return _plane(rows, wanted)
    frames, frame = wanted[0], wanted[1:]
    plane = _plane(rows // frames, frame) if rows % frames == 0 and prod(frame) > 1 else None
    if plane is not None:
        return (frames, *plane)
    return (rows // prod(frame), *frame) if frames > 1 and rows % prod(frame) == 0 else None


def _plane(rows: int, wanted: Grid) -> Grid | None:
    height, width = wanted
    for numerator, denominator in ((1, 1), (height, width)):
        side = isqrt(rows * numerator // denominator)
        if side and side * side * denominator == rows * numerator and rows % side == 0:
            return side, rows // side
    return None


def resized(table: Tensor, before: Grid, after: Grid) -> Tensor:
    """A table ``[1, rows, channels]`` or ``[1, channels, h, w]`` as ``[1, rows, channels]`` of the grid ``after``.

    Bicubic in space, and linear in time and along one axis, in float32 and not antialiased, as SAM 2, transformers and
    MViTv2 do it.
    """
    if table.ndim == 4:
        table = table.flatten(2).transpose(1, 2)
    if before == after:
        return table
    channels = table.shape[-1]
    frames, *frame = _as_clip(before)
    new_frames, *new_frame = _as_clip(after)
    # Space first, frames as the batch; then time, places as the batch.
    x = table.float().reshape(frames, *frame, channels).movedim(-1, 1)
    if frame != new_frame:
        x = F.interpolate(x, size=new_frame, mode="bicubic", align_corners=False)
    if frames != new_frames:
        x = x.flatten(2).permute(2, 1, 0)
        x = F.interpolate(x, size=new_frames, mode="linear", align_corners=False).permute(2, 1, 0)
    return x.reshape(new_frames, channels, -1).transpose(1, 2).reshape(1, -1, channels)


def _as_clip(grid: Grid) -> Grid:
    """Frames, height and width: a grid of two axes is one frame, and one axis is time."""
    return (1, *grid) if len(grid) == 2 else (*grid, 1, 1)[:3]
