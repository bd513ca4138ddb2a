"""What a masked autoencoder makes of a picture: the original, what it is shown, and what it predicts, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from hiera_compiler.artifact import problems, verify
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.artifact.sheet import sheet
from hiera_compiler.emit.functions.masked import cut_patches, masked_places, random_units, take_rows
from hiera_compiler.ir.masking import masking
from hiera_compiler.ir.target import Patches, Standardise
from hiera_compiler.pipeline import Compilation
from hiera_compiler.weights import LoadReport

if TYPE_CHECKING:
    from PIL.Image import Image

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""The colours' statistics on ImageNet-1K, with which the published models normalise their input."""

GREY = 0.5


def reconstruction(
    compilation: Compilation, image: str | PathLike[str], weights: str | PathLike[str], seed: int = 0
) -> tuple[bytes, LoadReport]:
    """A PNG with the original, the original with its dropped mask units in grey, and its reconstruction.

    A clip is read off an animated image, and gives one row for each frame that is predicted. Where targets are
    normalised the mean and the deviation of each patch, which the decoder does not predict, are the original's.
    Raises SpecError where the picture or the weights cannot be read, where these are not those of its decoder or
    predict what is not finite, and where the target is not pixels.
    """
    graph, masked = compilation.graph, masking(compilation.graph)
    patches = graph["patches"].op
    if not isinstance(patches, Patches):
        raise BuildError(problems.target_is_no_picture(compilation.source.value(("mae", "target"))))
    pixels = _pixels(image, compilation)
    with torch.random.fork_rng(devices=[]):
        module, report = compilation.load(weights, "cpu")
    unused = [key for key in report.unexpected if "decoder" in key or "fusion" in key]
    if report.missing or unused:
        raise BuildError(problems.other_decoder(weights, report.missing, unused))
    rows = cut_patches(pixels, patches.grid, patches.patch, patches.frame_step)
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        kept = random_units(pixels, masked.units, masked.kept)
        _, prediction, _, _ = cast(Any, module.eval())(pixels, kept)
    verify.require_finite([prediction], module, weights)
    places = masked_places(kept, masked.layout.units, masked.layout.folds)
    if isinstance(graph["target"].op, Standardise):
        true = take_rows(rows, places)
        prediction = prediction * (true.var(-1, keepdim=True) + 1e-6).sqrt() + true.mean(-1, keepdim=True)
    index = places[:, :, None].expand(prediction.shape)
    grey = _normalised(torch.full((1, *pixels.shape[1:]), GREY))
    grey_rows = take_rows(cut_patches(grey, patches.grid, patches.patch, patches.frame_step), places)
    panels = [rows, rows.scatter(1, index, grey_rows), rows.scatter(1, index, prediction)]
    frames = zip(*(_frames(panel[0], patches, len(pixels[0])) for panel in panels), strict=True)
    return sheet([list(zip(_captions(patches, row), row_, strict=True)) for row, row_ in enumerate(frames)]), report


def _captions(patches: Patches, row: int) -> tuple[str, str, str]:
    """What stands above the panels of a row; the frames of a clip are counted from 1, as the model is given them."""
    first = "original" if len(patches.grid) == 2 else f"frame {row * patches.frame_step + 1}"
    return first, "masked", "reconstruction"


def _pixels(name: str | PathLike[str], compilation: Compilation) -> Tensor:
    """A batch of one: upright, cut to the input's proportions around the middle, and resized to its size."""
    channels, *time, height, width = compilation.spec.input_shape
    if channels not in (1, 3):
        raise BuildError(problems.no_colours(compilation.source.value(("input",)), channels))
    count = time[0] if time else 1
    fitted = _frames_of(name, count, "RGB" if channels == 3 else "L", (width, height))
    planes = [torch.frombuffer(bytearray(frame.tobytes()), dtype=torch.uint8) for frame in fitted]
    stacked = torch.stack(planes).view(count, height, width, channels).permute(3, 0, 1, 2).float() / 255
    return _normalised(stacked[None] if time else stacked[None, :, 0])


def _frames_of(name: str | PathLike[str], count: int, mode: str, size: tuple[int, int]) -> list[Image]:
    """So many frames of a picture file, evenly spread; one that does not move gives its only frame as often."""
    try:
        from PIL import Image
    except ImportError:
        raise BuildError(problems.no_pillow()) from None
    with _read_from(name):
        opened = Image.open(fspath(name))
    frames = []
    with opened:
        for index in range(count):
            with _read_from(name):
                frame = _upright(opened, index * getattr(opened, "n_frames", 1) // count)
            frames.append(_fitted(frame, mode, size))
    return frames


@contextmanager
def _read_from(name: str | PathLike[str]) -> Iterator[None]:
    """What Pillow raises on a file that is no picture becomes a diagnostic; too little memory stays what it is."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except MemoryError:
        raise
    except FileNotFoundError:
        raise BuildError(problems.no_picture(fspath(name), "there is no such file")) from None
    except IsADirectoryError:
        raise BuildError(problems.no_picture(fspath(name), "it is a folder")) from None
    except PermissionError:
        raise BuildError(problems.no_picture(fspath(name), "it may not be read")) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise BuildError(problems.no_picture(fspath(name), "it has too many pixels")) from None
    except Exception:  # noqa: BLE001 - Pillow names no common class: each of its formats raises its own on damage
        raise BuildError(problems.no_picture(fspath(name), "it is no whole picture of a known format")) from None


def _upright(opened: Image, index: int) -> Image:
    """A frame of an open picture, read whole and turned as its camera was held."""
    from PIL import ImageOps

    opened.seek(index)
    return ImageOps.exif_transpose(opened)


def _fitted(frame: Image, mode: str, size: tuple[int, int]) -> Image:
    """A frame in eight bits a channel, cut to the proportions of a size and resized to it."""
    from PIL import ImageOps

    if frame.mode.startswith("I;16"):
        frame = frame.convert("I").point(lambda value: value / 257).convert("L")
    if "transparency" in frame.info:
        frame = frame.convert("RGBA")
    return ImageOps.fit(frame.convert(mode), size)


def _normalised(x: Tensor) -> Tensor:
    mean, deviation = _statistics(x.shape[1], x.ndim)
    return (x - mean) / deviation


def _statistics(channels: int, axes: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation, shaped to meet pixels; of grey pictures the colours' means."""
    found = (torch.tensor(values) for values in (MEAN, DEVIATION))
    first, second = ((x if channels == 3 else x.mean(0, keepdim=True)).view(-1, *[1] * (axes - 2)) for x in found)
    return first, second


def _frames(rows: Tensor, patches: Patches, channels: int) -> Iterator[Tensor]:
    """Patches put together again: images ``[channels, height, width]`` with values from 0 to 1."""
    (down, across), (height, width) = patches.grid[-2:], patches.patch
    if len(patches.grid) == 2:
        x = rows.view(1, down, across, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    else:
        x = rows.view(patches.grid[0], down, across, height, width, channels).permute(0, 5, 1, 3, 2, 4)
    mean, deviation = _statistics(channels, 4)
    yield from (x.reshape(len(x), channels, down * height, across * width) * deviation + mean).clamp(0, 1)
