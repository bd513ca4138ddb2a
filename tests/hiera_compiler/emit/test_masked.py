"""Emitted masked autoencoders: what they compute, that nothing leaks, and that they are one full graph."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor, nn

import hiera_compiler as hc
from hiera_compiler import emit
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.emit.functions import masked
from hiera_compiler.ir.masking import masking
from hiera_compiler.lower import lower_mae
from hiera_compiler.pipeline import Compilation
from hiera_compiler.source import read_text
from tests.support.fvcore_counters import counted_acts, counted_macs
from tests.support.parity import randomise
from tests.support.random_specs import RICH_CLIP, RICH_IMAGE, Data, specs

SMALL: Data = {
    "name": "small",
    "input": {"size": [32, 48]},
    "patch": {"kernel": 7, "stride": 4, "padding": 3},
    "position": "absolute",
    "mask_unit": 4,
    "stages": [
        {"depth": 1, "channels": 8, "heads": 2, "attention": "mask_unit"},
        {"depth": 1, "channels": 12, "heads": 2, "attention": "mask_unit", "pool": "max"},
        {"depth": 1, "channels": 16, "heads": 2, "attention": "global", "pool": "max"},
    ],
    "mae": {"mask_ratio": 0.5, "decoder": {"depth": 1, "channels": 12, "heads": 3}},
}
CLIP: Data = SMALL | {
    "name": "clip",
    "input": {"size": [32, 16], "frames": 4},
    "patch": {"kernel": [3, 7, 7], "stride": [2, 4, 4], "padding": [1, 3, 3]},
    "position": "separable",
    "mask_unit": [1, 4, 4],
}


def compiled(data: Data) -> Compilation:
    import yaml

    return Compilation(read_text(yaml.safe_dump(data, sort_keys=False), "spec.yaml"), "mae")


def with_mae(data: Data, **options: Any) -> Data:
    return data | {"mae": SMALL["mae"] | options}


def late_module(compilation: Compilation) -> Any:
    """The same autoencoder where all is computed before units are dropped."""
    source = emit.autoencoder_source(lower_mae(compilation.spec, early=False), "Late", "")
    return emit.load_class(f"{emit.prelude_source(source)}\n\n{source}", "Late")().eval()


def inputs(compilation: Compilation, batch: int = 3) -> tuple[Tensor, Tensor]:
    """Random pixels, and for each sample other units that it keeps."""
    generator = torch.Generator().manual_seed(1)
    graph = compilation.graph
    units, kept = masking(graph).units, masking(graph).kept
    drawn = torch.rand(batch, units, generator=generator).argsort(1)[:, :kept].sort(1).values
    return torch.randn(batch, *compilation.spec.input_shape, generator=generator), drawn


def random_module(compilation: Compilation) -> Any:
    module = compilation.module().eval()
    randomise(module)
    return module


def assert_late_is_early(compilation: Compilation) -> None:
    early, late = random_module(compilation), late_module(compilation)
    late.load_state_dict(early.state_dict())
    with torch.no_grad():
        for found, expected in zip(early(*inputs(compilation)), late(*inputs(compilation)), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


# No token of it reaches beyond the input.
RICHER_CLIP = with_mae(RICH_CLIP | {"input": {"size": [16, 18], "frames": 15}})


@pytest.mark.parametrize("data", [SMALL, CLIP, with_mae(RICH_IMAGE), RICHER_CLIP], ids=lambda data: data["name"])
@pytest.mark.parametrize("multi_scale", [True, False])
def test_what_is_dropped_early_equals_what_is_dropped_late(data: Data, multi_scale: bool) -> None:
    assert_late_is_early(compiled(data | {"mae": data["mae"] | {"multi_scale": multi_scale}}))


@pytest.mark.parametrize("kept", [[[1], [5], [0]], [[0, 1, 2, 4, 5], [1, 2, 3, 4, 5], [0, 1, 2, 3, 4]]])
def test_a_mask_may_keep_other_numbers_of_units_than_the_ratio_says(kept: list[list[int]]) -> None:
    compilation = compiled(SMALL)
    assert masking(compilation.graph).kept == 3
    early, late, mask = random_module(compilation), late_module(compilation), torch.tensor(kept)
    late.load_state_dict(early.state_dict())
    with torch.no_grad():
        found, expected = (module(inputs(compilation)[0], mask) for module in (early, late))
    assert found[1].shape == (3, 4 * (6 - mask.shape[1]), 192)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_decoder_s_last_block_computes_for_masked_tokens_only() -> None:
    graph = compiled(with_mae(SMALL, decoder={"depth": 2, "channels": 12, "heads": 3})).graph
    shapes = {name: graph[f"decoder_blocks.{name}"].shape[:2] for name in ("0.mlp.fc1", "1.attn.key", "1.mlp.fc1")}
    assert shapes == {"0.mlp.fc1": (1, 24), "1.attn.key": (1, 24), "1.mlp.fc1": (1, 12)}
    assert graph["decoder_blocks.1.attn.attend"].shape == (1, 12, 12)


@given(specs(units=True, pools=("max",)))
@settings(max_examples=15)
def test_dropping_early_changes_nothing_in_any_spec(data: Data) -> None:
    compilation = compiled(with_mae(data))
    try:
        assert compilation.graph
    except SpecError as error:
        codes = {found.code for found in error.diagnostics}
        # Some inputs are one unit, their tokens reach beyond them, or predict one value.
        assert codes <= {"H340", "H343", "H346"}
        assume(False)
    assert_late_is_early(compilation)


# Units that do not fill the input: pixels are left over behind the last ones, and are theirs.
WIDER: Data = SMALL | {"name": "wider", "input": {"size": [34, 50]}, "patch": {"kernel": 7, "stride": 4, "padding": 2}}


@pytest.mark.parametrize("data", [SMALL, WIDER, CLIP], ids=lambda data: data["name"])
def test_dropped_pixels_reach_the_target_and_nothing_else(data: Data) -> None:
    compilation = compiled(data)
    module = random_module(compilation)
    pixels, kept = inputs(compilation)
    layout = masking(compilation.graph).layout
    seen = masked.visible_units(kept, masking(compilation.graph).units).view(len(pixels), 1, *layout.units)
    for axis, side in enumerate((2, 16, 16)[-len(layout.units) :]):
        unit_of = (torch.arange(pixels.shape[2 + axis]) // side).clamp(max=layout.units[axis] - 1)
        seen = seen.index_select(2 + axis, unit_of)
    changed = torch.where(seen, pixels, torch.randn(pixels.shape))
    with torch.no_grad():
        before, after = module(pixels, kept), module(changed, kept)
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[2], after[2])
    only_seen = torch.where(seen, torch.randn(pixels.shape), pixels)
    with torch.no_grad():
        seen_changed = module(only_seen, kept)
    assert not torch.equal(before[1], seen_changed[1])
    assert torch.equal(before[2], seen_changed[2])


@pytest.mark.parametrize("data", [SMALL, WIDER, CLIP], ids=lambda data: data["name"])
def test_every_pixel_of_a_kept_unit_is_seen(data: Data) -> None:
    compilation = compiled(data)
    pixels, kept = inputs(compilation, 1)
    layout = masking(compilation.graph).layout
    random_module(compilation)(pixels.requires_grad_(), kept)[1].square().sum().backward()
    assert pixels.grad is not None
    sides = (2, 16, 16)[-len(layout.units) :]
    for number, unit in enumerate(np.ndindex(*layout.units)):
        own = [slice(at * side, (at + 1) * side) for at, side in zip(unit, sides, strict=True)]
        assert bool(pixels.grad[0][:, *own].all()) is (number in kept[0].tolist())


def test_masked_tokens_are_those_of_dropped_units_in_raster_order() -> None:
    compilation = compiled(SMALL)
    pixels, kept = inputs(compilation, 1)
    places = masked.masked_places(kept, (2, 3), ((2, 2),))
    expected = [
        row * 6 + column
        for row in range(4)
        for column in range(6)
        if row // 2 * 3 + column // 2 not in kept[0].tolist()
    ]
    assert places[0].tolist() == expected
    target = random_module(compilation).targets(pixels, kept)
    row, column = divmod(expected[0], 6)
    patch = pixels[0, :, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].flatten()
    torch.testing.assert_close(target[0, 0], (patch - patch.mean()) / (patch.var() + 1e-6).sqrt())


@pytest.mark.parametrize(("data", "target"), [(SMALL, "pixel"), (CLIP, "hog")], ids=["small", "clip"])
def test_it_is_one_full_graph_forward_and_backward(data: Data, target: str) -> None:
    compilation = compiled(with_mae(data, target=target))
    module = random_module(compilation)
    given_ = inputs(compilation)
    whole: Any = torch.compile(module, backend="aot_eager", fullgraph=True)
    module(*given_)[0].backward()
    expected = {name: weight.grad.clone() for name, weight in module.named_parameters()}
    assert all(gradient.abs().sum() > 0 for gradient in expected.values())
    module.zero_grad()
    whole(*given_)[0].backward()
    for name, weight in module.named_parameters():
        torch.testing.assert_close(weight.grad, expected[name], rtol=1e-4, atol=1e-6)


def test_the_mask_is_drawn_inside_the_graph_too() -> None:
    compilation = compiled(SMALL)
    module: Any = torch.compile(random_module(compilation), backend="eager", fullgraph=True)
    pixels = inputs(compilation)[0]
    masks = torch.stack([module(pixels)[3] for _ in range(4)])
    assert (masks.sum(-1) == 3).all()
    assert len(masks.flatten(0, 1).unique(dim=0)) > 3


@pytest.mark.parametrize("data", [SMALL, CLIP], ids=lambda data: data["name"])
def test_it_exports_with_any_batch(data: Data) -> None:
    compilation = compiled(data)
    module = random_module(compilation)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(module, inputs(compilation), dynamic_shapes=({0: batch}, {0: batch}))
    for count in (1, 2):
        given_ = inputs(compilation, count)
        for found, expected in zip(program.module()(*given_), module(*given_), strict=True):
            torch.testing.assert_close(found, expected)


def test_masks_are_boolean_or_indices() -> None:
    compilation = compiled(SMALL)
    module = random_module(compilation)
    pixels, kept = inputs(compilation)
    with torch.no_grad():
        by_index = module(pixels, kept)
        by_mask = module(pixels, by_index[3])
    assert all(torch.equal(a, b) for a, b in zip(by_index, by_mask, strict=True))


def histograms(image: np.ndarray[Any, Any], cell: int, bins: int, norm: bool) -> np.ndarray[Any, Any]:
    """Histograms of oriented gradients of one channel, pixel by pixel: ``[rows, columns, bins]``."""
    height, width = image.shape
    found = np.zeros((height // cell, width // cell, bins))
    for y in range(height // cell * cell):
        for x in range(width // cell * cell):
            down = float(image[y + 1, x] - image[y - 1, x]) if 0 < y < height - 1 else 0.0
            right = float(image[y, x + 1] - image[y, x - 1]) if 0 < x < width - 1 else 0.0
            angle = np.rad2deg(np.arctan2(down, right)) % 180
            found[y // cell, x // cell, int(angle // (180 / bins)) % bins] += np.hypot(down, right) / cell**2
    lengths = np.sqrt((found**2).sum(-1, keepdims=True) + 1e-10)
    return np.asarray(found / lengths) if norm else found


def ours_by_cell(images: Tensor, norm: bool) -> Tensor:
    """Our histograms as ``[batch, channels, rows, columns, bins]`` of cells."""
    rows, columns = images.shape[2] // 16, images.shape[3] // 16
    found = masked.oriented_gradients(images, (rows, columns), (16, 16), 1, 9, 8, norm)
    channels = images.shape[1]
    parts = found.view(len(images), rows, columns, channels, 9, 2, 2).permute(0, 3, 1, 5, 2, 6, 4)
    return parts.reshape(len(images), channels, 2 * rows, 2 * columns, 9)


@pytest.mark.parametrize("norm", [True, False])
def test_histograms_of_gradients_are_those_of_a_plain_loop(norm: bool) -> None:
    images = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    found = ours_by_cell(images, norm)
    for sample, channel in np.ndindex(2, 3):
        expected = histograms(images[sample, channel].double().numpy(), 8, 9, norm)
        np.testing.assert_allclose(found[sample, channel].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("norm", [True, False])
def test_histograms_of_gradients_are_scikit_image_s_in_every_colour(norm: bool) -> None:
    from skimage.feature import hog

    images = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    found = ours_by_cell(images, norm).numpy()
    # It normalises blocks of cells: each cell by itself, or all together, which keeps what is large beside what is not.
    block = (1, 1) if norm else (4, 6)
    for sample, channel in np.ndindex(2, 3):
        image, ours = images[sample, channel].double().numpy(), found[sample, channel]
        expected = hog(image, 9, (8, 8), block, block_norm="L2", feature_vector=False).reshape(ours.shape)
        np.testing.assert_allclose(ours if norm else ours / np.linalg.norm(ours), expected, atol=1e-5)


def test_an_autoencoder_s_target_is_scikit_image_s_by_colour_direction_and_cell() -> None:
    from skimage.feature import hog

    small = ["input.size=64", "stages.2.depth=1", "mae.decoder.depth=1", "mae.target=hog"]
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    _, _, target, _ = hc.compile("hiera_t", small, task="mae").module()(pixels, torch.tensor([[0]]))
    colours = [hog(x.double().numpy(), 9, (8, 8), (1, 1), block_norm="L2", feature_vector=False) for x in pixels[0]]
    cells = np.stack([np.asarray(colour).reshape(8, 8, 9) for colour in colours])
    masked_tokens = [(row, column) for row, column in np.ndindex(4, 4) if row > 1 or column > 1]
    expected = [
        cells[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].transpose(0, 3, 1, 2).ravel()
        for row, column in masked_tokens
    ]
    np.testing.assert_allclose(target[0].numpy(), np.stack(expected), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_histograms_of_half_precision_are_those_of_the_same_pixels(dtype: torch.dtype) -> None:
    images = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)).to(dtype)
    images[:, :, :16, :16] = 1  # cells without a gradient
    found = masked.oriented_gradients(images, (2, 3), (16, 16), 1, 9, 8, True)
    expected = masked.oriented_gradients(images.float(), (2, 3), (16, 16), 1, 9, 8, True)
    assert torch.equal(found, expected.to(dtype))


def test_a_clip_s_histograms_are_those_of_the_first_frame_of_each_token() -> None:
    clip = torch.randn(1, 3, 4, 16, 32, generator=torch.Generator().manual_seed(0))
    found = masked.oriented_gradients(clip, (2, 1, 2), (16, 16), 2, 9, 8, True)
    frames = [masked.oriented_gradients(clip[:, :, index], (1, 2), (16, 16), 1, 9, 8, True) for index in (0, 2)]
    torch.testing.assert_close(found, torch.cat(frames, 1))


def test_patches_tile_the_input() -> None:
    clip = torch.arange(prod((2, 3, 4, 6, 8))).view(2, 3, 4, 6, 8)
    found = masked.cut_patches(clip, (2, 3, 4), (2, 2), 2)
    assert found.shape == (2, 24, 12)
    frame, row, column = 1, 2, 3
    patch = clip[0, :, 2 * frame, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    assert found[0, (frame * 3 + row) * 4 + column].tolist() == patch.permute(1, 2, 0).flatten().tolist()
    image = clip[:, :, 0]
    assert masked.cut_patches(image, (3, 4), (2, 2), 1)[1, 5].tolist() == image[1, :, 2:4, 2:4].flatten().tolist()


@pytest.mark.parametrize("data", [SMALL, CLIP, with_mae(RICH_IMAGE)], ids=lambda data: data["name"])
def test_costs_are_those_that_the_counters_count(data: Data) -> None:
    compilation = compiled(data)
    cost, module = compilation.cost, compilation.module()
    assert sum(parameter.numel() for parameter in module.parameters()) == cost.params
    assert counted_macs(module, compilation.spec.input_shape) == cost.macs
    assert counted_acts(module, compilation.spec.input_shape) == cost.acts


def test_initial_weights_are_the_reference_s_for_pretraining() -> None:
    module = hc.compile("hiera_t", ["input.size=64", "stages.2.depth=1"], task="mae").module()
    weights = {name: weight.detach() for name, weight in module.named_parameters()}
    for name in ("blocks.1.attn.qkv.weight", "decoder_embed.weight", "patch_embed.proj.weight"):
        bound = (6 / (weights[name][0].numel() + len(weights[name]))) ** 0.5
        assert float(weights[name].abs().max()) == pytest.approx(bound, rel=0.01)
    for name in ("pos_embed", "decoder_pos_embed", "mask_token"):
        assert float(weights[name].std()) == pytest.approx(0.02, rel=0.15)
    assert not weights["decoder_pred.bias"].any()
    assert torch.equal(weights["encoder_norm.weight"], torch.ones(768))
    assert not weights["encoder_norm.bias"].any()
    assert isinstance(module.get_submodule("decoder_blocks.0.norm1"), nn.LayerNorm)
