"""H34x: rules on masked autoencoding, for specs that say how they pretrain, and for the task itself.

They see the resolved spec, and of a stage only how it pools.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, prod

from hiera_compiler.checks.stage import least_ratio, nearest_divisors
from hiera_compiler.diagnostics import Diagnostic, Label, any_of, code, times
from hiera_compiler.ir import ShapeError
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import kept_units, last_unit, mask_units, predicted, token_grid, total_stride, unit_sides
from hiera_compiler.spec.mae import HOG_CELL


@code("H340")
def some_units_are_kept_and_some_dropped(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Masked autoencoding keeps at least one mask unit and drops at least one.

    A sample keeps as many whole units as the mask ratio leaves, rounded down. Hiera at 224x224 has 49 units and
    keeps 19 of them; a clip of 16 frames has 392 and keeps 39.
    """
    if not _has_grid(spec):
        return
    units, kept = prod(mask_units(spec)), kept_units(spec)
    if kept > 0:
        return
    if units < 2:
        yield Diagnostic(
            "H340",
            "the input is one mask unit, and masked autoencoding keeps some units and drops others",
            (Label(source.value(("mask_unit",)), "as large as the input"),),
            help="use a smaller mask unit or a larger input",
        )
        return
    yield Diagnostic(
        "H340",
        f"a mask ratio of {spec.pretraining.mask_ratio} keeps none of {units} mask units",
        (Label(source.value(("mae", "mask_ratio")), "drops every one of them"),),
        help=f"use a mask ratio of at most {floor(1000 * (1 - 1 / units)) / 1000:g}",
    )


@code("H341")
def heads_divide_the_decoder_s_channels(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The heads of the decoder must divide its channels: attention gives each head an equal slice."""
    decoder = spec.pretraining.decoder
    if decoder.channels % decoder.heads:
        yield Diagnostic(
            "H341",
            f"{decoder.heads} heads do not divide the decoder's {decoder.channels} channels",
            (
                Label(source.value(("mae", "decoder", "heads")), f"{decoder.heads} heads"),
                Label(source.value(("mae", "decoder", "channels")), f"{decoder.channels} channels"),
            ),
            help=f"use {any_of(nearest_divisors(decoder.channels, decoder.heads))} heads",
        )


@code("H347")
def decoder_has_hidden_channels(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The MLPs of the decoder need at least one hidden channel: its channels times mlp_ratio, rounded down.

    Stages may have an `mlp_ratio` of their own; the decoder's is that of the model.
    """
    channels, ratio = spec.pretraining.decoder.channels, spec.mlp_ratio
    if int(channels * ratio) < 1:
        yield Diagnostic(
            "H347",
            f"an mlp_ratio of {ratio:g} leaves the decoder's {channels} channels no hidden channel",
            (
                Label(source.value(("mlp_ratio",)), f"{channels} x {ratio:g} is less than 1"),
                Label(source.value(("mae", "decoder", "channels")), f"{channels} channels"),
            ),
            help=f"use an mlp_ratio of at least {least_ratio(channels):g}, or more channels in the decoder",
        )


@code("H342")
def cells_tile_what_a_token_predicts(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Histograms of gradients are made in cells of 8x8 pixels, and these must tile what one token predicts.

    A token predicts its patch's stride times what the stages before the last one pool: 16x16 pixels in Hiera.
    """
    if spec.pretraining.target != "hog" or not _has_grid(spec):
        return
    _, patch = predicted(spec, last_unit(spec))
    if any(side % HOG_CELL for side in patch):
        yield Diagnostic(
            "H342",
            f"cells of {HOG_CELL}x{HOG_CELL} pixels do not tile the {times(patch)} pixels that a token predicts",
            (
                Label(source.value(("mae", "target")), f"in cells of {HOG_CELL}x{HOG_CELL}"),
                Label(source.value(("patch", "stride")), "times the pooling of the stages before the last"),
            ),
            help="predict pixels, or use strides whose product is a multiple of 8",
        )


@code("H343")
def predicted_patches_are_inside_the_input(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """What the tokens predict must be in the input: a large padding of the patches makes tokens beyond it.

    Along height and width the tokens times the patch stride may not exceed the input; in time, a clip must have the
    first frame of every token.
    """
    if not _has_grid(spec):
        return
    units, unit = mask_units(spec), last_unit(spec)
    step, patch = predicted(spec, unit)
    grid = tuple(count * side for count, side in zip(units, unit, strict=True))
    frames = (1 + (grid[0] - 1) * step,) if spec.axes == 3 else ()
    needed = (*frames, *(count * side for count, side in zip(grid[-2:], patch, strict=True)))
    size = spec.input_shape[1:]
    if any(have < need for have, need in zip(size, needed, strict=True)):
        yield Diagnostic(
            "H343",
            f"the tokens would predict {times(needed)} pixels, and the input has {times(size)}",
            (
                Label(source.value(("input",)), times(size)),
                Label(source.value(("patch", "padding")), "makes tokens beyond the input"),
            ),
            help=_cover(spec, needed),
        )


def _cover(spec: Spec, needed: tuple[int, ...]) -> str:
    """The input nearest above this one that has as many tokens and holds what they predict, and the padding for it."""
    patch, tokens = spec.patch, token_grid(spec)
    padding = tuple(min(pad, ceil(side / 2) - 1) for pad, side in zip(patch.padding, patch.kernel, strict=True))
    least = (
        (count - 1) * stride + kernel - 2 * pad
        for count, stride, kernel, pad in zip(tokens, patch.stride, patch.kernel, padding, strict=True)
    )
    have = (
        size if pad == old else 0 for size, pad, old in zip(spec.input_shape[1:], padding, patch.padding, strict=True)
    )
    use = f"use an input of {times([max(sides) for sides in zip(needed, least, have, strict=True)])} pixels"
    return use if padding == patch.padding else f"{use} and a padding of {list(padding)}"


@code("H346")
def a_norm_needs_values_to_differ(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A patch whose pixels are to have variance 1 needs two values at least."""
    mae = spec.pretraining
    if mae.target != "pixel" or not mae.norm_target or not _has_grid(spec):
        return
    if prod(predicted(spec, last_unit(spec))[1]) * spec.input.channels == 1:
        yield Diagnostic(
            "H346",
            "a token predicts one value, which has no variance",
            (Label(source.value(("mae", "norm_target")), "asks for a variance of 1"),),
            help="use norm_target: false, or a larger patch stride",
        )


def _has_grid(spec: Spec) -> bool:
    """Whether the tokens are whole mask units that can be pooled; other rules say so where they are not."""
    if spec.mask_unit is None:
        return False
    try:
        grid = token_grid(spec)
    except ShapeError:
        return False
    steps = total_stride(spec, spec.stages)
    pooled = all(side % step == 0 for side, step in zip(unit_sides(spec), steps, strict=True))
    return pooled and all(size % side == 0 for size, side in zip(grid, unit_sides(spec), strict=True))


MAE_RULES = (
    some_units_are_kept_and_some_dropped,
    heads_divide_the_decoder_s_channels,
    decoder_has_hidden_channels,
    cells_tile_what_a_token_predicts,
    predicted_patches_are_inside_the_input,
    a_norm_needs_values_to_differ,
)
