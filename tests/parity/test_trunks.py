"""SAM 2's image encoders and timm's abswin models: the maps of all stages, with their state dicts in our modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import hiera_compiler as hc
from tests.support.parity import differing, loaded, named, randomise, without_initialisation
from tests.support.public_packages import timm, transformers

SIZE = (96, 160)
"""Small and not square: no window of 14 tokens divides the grid of the third stage, which is padded."""
SEVERAL_WINDOWS = (256, 320)
"""Windows of 14 and of 7 tokens are padded, as in SIZE, and there are four of them."""
SAM2 = {"tiny": "t", "small": "s", "base_plus": "b_plus", "large": "l"}
ABSWIN = {"small": "s", "base": "b"}


def images(size: tuple[int, int] = SIZE) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, *size, generator=generator) + torch.randn(2, 3, 1, 1, generator=generator)


def timm_model(name: str, **options: Any) -> Any:
    with without_initialisation():
        theirs = timm().create_model(name, **options)
    randomise(theirs)
    return theirs.eval()


def maps(features: Any) -> dict[str, torch.Tensor]:
    return {f"features {index}": value for index, value in enumerate(features)}


@pytest.mark.parametrize(("name", "size"), [*((name, SIZE) for name in SAM2), ("tiny", SEVERAL_WINDOWS)])
def test_maps_of_sam2_equal_timm(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    with torch.no_grad():
        theirs, pixels = timm_model(f"sam2_hiera_{name}"), images(size)
        expected = maps(theirs.forward_intermediates(pixels, output_fmt="NHWC", intermediates_only=True))
        ours, report = loaded(theirs, tmp_path, f"sam2_hiera_{SAM2[name]}", [f"input.size={list(size)}"])
        assert differing(maps(ours(pixels)), expected) == {}
    # timm gives its trunk a norm that SAM 2 has not.
    assert (report.missing, report.resized) == ((), ())
    assert set(report.unexpected) == {"head.norm.weight", "head.norm.bias"}


@pytest.mark.parametrize("name", SAM2)
def test_maps_of_sam2_equal_transformers(name: str, tmp_path: Path) -> None:
    spec = hc.compile(f"sam2_hiera_{SAM2[name]}").spec
    starts = [sum(stage.depth for stage in spec.stages[:index]) for index in range(4)]
    position: Any = spec.position
    windows: list[Any] = [stage.attention for stage in spec.stages]
    config = transformers().Sam2HieraDetConfig(
        hidden_size=spec.stages[0].channels,
        num_attention_heads=spec.stages[0].heads,
        blocks_per_stage=[stage.depth for stage in spec.stages],
        embed_dim_per_stage=[stage.channels for stage in spec.stages],
        num_attention_heads_per_stage=[stage.heads for stage in spec.stages],
        window_size_per_stage=[attention.window[0] for attention in windows],
        window_positional_embedding_background_size=list(position.base),
        global_attention_blocks=[starts[2] + block for block in spec.stages[2].global_at],
    )
    with torch.no_grad():
        with without_initialisation():
            theirs: Any = transformers().Sam2HieraDetModel(config)
        randomise(theirs)
        expected = maps(theirs.eval()(images()).intermediate_hidden_states)
        ours, report = loaded(theirs, tmp_path, spec.name, [f"input.size={list(SIZE)}"])
        assert differing(maps(ours(images())), expected) == {}
    assert (report.layout, report.missing, report.unexpected) == ("transformers' SAM 2", (), ())


@pytest.mark.parametrize("name", ABSWIN)
def test_abswin_equals_timm(name: str, tmp_path: Path) -> None:
    with torch.no_grad():
        theirs = timm_model(f"hiera_{name}_abswin_256", img_size=SIZE)
        features = theirs.forward_intermediates(images(), output_fmt="NHWC", intermediates_only=True)
        expected = named(theirs(images()), features)
        ours, report = loaded(theirs, tmp_path, f"hiera_{ABSWIN[name]}_abswin_256", [f"input.size={list(SIZE)}"])
        assert differing(named(ours(images()), ours.features(images())), expected) == {}
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("timm", (), (), ())


@pytest.mark.parametrize(
    ("spec", "settings", "params", "macs", "products"),
    [
        ("sam2_hiera_t", [], 26_849_472, 142.651, 142.372),
        ("sam2_hiera_s", [], 33_947_328, 176.552, 176.210),
        ("sam2_hiera_b_plus", [], 68_675_712, 319.658, 319.048),
        ("sam2_hiera_l", [], 212_149_296, 907.483, 906.073),
        ("sam2_hiera_t", ["input.size=896"], 26_849_472, 99.857, 99.644),
        ("hiera_s_abswin_256", [], 34_361_800, 8.287, 8.266),
        ("hiera_b_abswin_256", [], 51_267_304, 12.463, 12.431),
        ("hiera_t_1024", ["head={classes: 1000}"], 33_900_616, 183.96, 183.68),
        ("hiera_s_1024", ["head={classes: 1000}"], 40_998_472, 264.55, 264.21),
        ("hiera_b_1024", ["head={classes: 1000}"], 57_515_368, 389.66, 389.13),
        ("hiera_b_plus_1024", ["head={classes: 1000}"], 76_885_416, 490.18, 489.57),
        ("hiera_l_1024", ["head={classes: 1000}"], 222_725_512, 1503.16, 1501.75),
        ("hiera_h_1024", ["head={classes: 1000}"], 688_754_152, 3782.80, 3780.29),
        ("vit_b", [], 86_567_656, 17.5827, 17.5638),
        ("vit_l", [], 304_326_632, 61.6041, 61.5547),
        ("vit_h", [], 632_045_800, 167.4020, 167.2951),
        ("vit_h", ["class_token=false", "head.pooling=mean"], 632_043_240, 166.7304, 166.6239),
    ],
)
def test_parameters_and_macs_are_those_of_the_public_models(
    spec: str, settings: list[str], params: int, macs: float, products: float
) -> None:
    """As counted by fvcore, with attention, and by FlopCounterMode, two FLOPs a product."""
    cost = hc.compile(spec, settings).cost
    digits = 4 if spec.startswith("vit") else 3 if "1024" not in spec else 2
    assert (cost.params, round(cost.macs / 1e9, digits), round(cost.flops / 2e9, digits)) == (params, macs, products)
