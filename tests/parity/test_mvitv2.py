"""MViTv2: logits and maps of all stages of timm, on clips of torchvision, and files of the authors."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import differing, loaded, named, randomise, without_initialisation
from tests.support.public_packages import define_missing_torchvision_ops, timm

NAMES = {
    "mvitv2_t": ("mvitv2_tiny", 24_173_320, 4.7042),
    "mvitv2_s": ("mvitv2_small", 34_870_216, 6.9983),
    "mvitv2_b": ("mvitv2_base", 51_472_744, 10.1587),
    "mvitv2_l": ("mvitv2_large", 217_992_952, 43.8692),
}
"""The name in timm, the parameters, and fvcore's billions of multiply-accumulates."""
CLASS_TOKEN = ["class_token=true", "head.pooling=class_token"]
SIZE = 96
# The large ones have all their widths and forms of blocks, and fewer blocks.
LESS, FEW = (2, 2, 3, 2), (1, 1, 2, 1)


def settings_of(depths: tuple[int, ...], size: int) -> list[str]:
    return [f"input.size={size}", *(f"stages.{index}.depth={depth}" for index, depth in enumerate(depths))]


def timm_model(name: str, depths: tuple[int, ...] | None, size: int) -> Any:
    mvitv2: Any = timm().models.mvitv2
    config = mvitv2.model_cfgs[name]
    with without_initialisation():
        model = mvitv2.MultiScaleVit(cfg=replace(config, depths=depths or config.depths), img_size=(size, size))
    return model.eval()


@pytest.mark.parametrize(("name", "depths"), [*((name, None) for name in list(NAMES)[:3]), ("mvitv2_l", LESS)])
def test_outputs_equal_timm(name: str, depths: tuple[int, ...] | None, tmp_path: Path) -> None:
    assert_equal(name, NAMES[name][0], [], tmp_path, depths)


def test_outputs_with_a_class_token_equal_timm(tmp_path: Path) -> None:
    assert_equal("mvitv2_s", "mvitv2_small_cls", CLASS_TOKEN, tmp_path)


def test_outputs_where_attention_widens_equal_timm(tmp_path: Path) -> None:
    assert_equal("mvitv2_l_wide", "mvitv2_large_cls", CLASS_TOKEN, tmp_path, LESS)


def as_the_authors_saved(weights: dict[str, Tensor], depths: tuple[int, ...]) -> dict[str, Tensor]:
    """Blocks counted through, and one name for the projections around attention and around the MLP."""

    def key(name: str) -> str:
        name = re.sub(
            r"stages\.(\d)\.blocks\.(\d)", lambda at: f"blocks.{sum(depths[: int(at[1])]) + int(at[2])}", name
        )
        return re.sub("shortcut_proj_(attn|mlp)", "proj", name).replace("head.fc", "head.projection")

    return {key(name): value for name, value in weights.items()}


@pytest.mark.parametrize(("name", "their_name"), [("mvitv2_t", "mvitv2_tiny"), ("mvitv2_l", "mvitv2_large")])
def test_a_file_of_the_authors_is_the_same_model(name: str, their_name: str, tmp_path: Path) -> None:
    theirs = timm_model(their_name, FEW, 32)
    randomise(theirs)
    weights = as_the_authors_saved(theirs.state_dict(), FEW)
    torch.save({"model_state": weights, "epoch": 100}, tmp_path / "authors.pyth")
    same, report = hc.compile(name, settings_of(FEW, 32)).load(tmp_path / "authors.pyth")
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("MViTv2", (), (), ())
    ours, _ = loaded(theirs, tmp_path, name, settings_of(FEW, 32))
    assert all(torch.equal(value, same.state_dict()[name]) for name, value in ours.state_dict().items())


def test_tables_of_another_input_are_resized_as_by_timm(tmp_path: Path) -> None:
    theirs = timm_model("mvitv2_tiny", FEW, 64)
    randomise(theirs)
    larger = timm_model("mvitv2_tiny", FEW, SIZE)
    larger.load_state_dict(timm().models.mvitv2.checkpoint_filter_fn(theirs.state_dict(), larger))
    images = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    images[1] += 1
    with torch.no_grad():
        expected = larger(images)
        ours, report = loaded(theirs, tmp_path, "mvitv2_t", settings_of(FEW, SIZE))
        assert differing({"logits": ours(images)}, {"logits": expected}) == {}
    assert len(report.resized) == 2 * sum(FEW)
    assert "attn.rel_pos.height 7 to 11 in 2 blocks" in report.lines()[1]


def test_clips_have_a_table_of_time_in_the_authors_files(tmp_path: Path) -> None:
    compiled = hc.compile("mvitv2_s_16x224", ["input.frames=4", *settings_of(FEW, 64)])
    module = compiled.module()
    randomise(module)
    rules = ((".rel_pos.height", ".rel_pos_h"), (".rel_pos.width", ".rel_pos_w"), (".rel_pos.time", ".rel_pos_t"))
    weights = {}
    for name, value in module.state_dict().items():
        for ours, theirs in rules:
            name = name.replace(ours, theirs)
        weights[re.sub(r"pool_([qkv])_norm", r"norm_\1", name)] = value
    save_file(weights, tmp_path / "w.safetensors")
    loaded_module, report = compiled.load(tmp_path / "w.safetensors")
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("MViTv2", (), (), ())
    assert all(
        torch.equal(value, weight)
        for value, weight in zip(module.parameters(), loaded_module.parameters(), strict=True)
    )


def of_torchvision(spec: Any) -> Any:
    """torchvision's model of clips with the blocks of a spec of ours, which has a class token."""
    define_missing_torchvision_ops()
    video: Any = importlib.import_module("torchvision.models.video.mvit")
    blocks, entering = [], spec.stages[0].channels
    for stage in spec.stages:
        for position in range(stage.depth):
            pooled = position == 0 and stage.pool is not None
            stride = list(stage.pool.stride) if pooled else [1, 1, 1]
            sizes = {"kernel_q": [3, 3, 3], "kernel_kv": [3, 3, 3], "stride_q": stride}
            sizes["stride_kv"] = list(stage.attention.kv_stride)
            widens = position == stage.depth - 1 and stage.out_channels is not None
            leaving = stage.out_channels if widens else stage.channels
            blocks.append(video.MSBlockConfig(stage.heads, entering, leaving, **sizes))
            entering = leaving
    _, frames, *sides = spec.input_shape
    with without_initialisation():
        model = video.MViT(
            tuple(sides),
            frames,
            blocks,
            residual_pool=True,
            residual_with_cls_embed=False,
            rel_pos_embed=True,
            proj_after_attn=all(stage.out_channels is None for stage in spec.stages),
        )
    return model.eval()


@contextmanager
def maps_of_torchvision(model: Any, depths: tuple[int, ...]) -> Iterator[list[Tensor]]:
    """The maps that leave each stage while the model runs, channels last, without the class token."""
    maps: list[Tensor] = []

    def keep(block: Any, inputs: Any, output: tuple[Tensor, tuple[int, ...]]) -> None:
        tokens, grid = output
        maps.append(tokens[:, 1:].unflatten(1, grid))

    handles = [model.blocks[sum(depths[: n + 1]) - 1].register_forward_hook(keep) for n in range(len(depths))]
    yield maps
    for handle in handles:
        handle.remove()


# MaskFeat's model, whose MLPs widen, has no class token, and torchvision's has one.
WITH_TOKEN = [
    *CLASS_TOKEN,
    "head.norm=before",
    *(f"stages.{index}.attention.residual_token=false" for index in range(4)),
]


@pytest.mark.parametrize(
    ("name", "depths", "options"),
    [
        ("mvitv2_s_16x224", (1, 2, 11, 2), []),
        ("mvitv2_b_32x224", (2, 3, 16, 3), []),
        ("mvitv2_l_40x312", LESS, []),
        ("mvitv2_l_16x224", LESS, WITH_TOKEN),
    ],
)
def test_outputs_of_clips_equal_torchvision(
    name: str, depths: tuple[int, ...], options: list[str], tmp_path: Path
) -> None:
    settings = [*options, "input.frames=6", *settings_of(depths, SIZE)]
    clips = torch.randn(2, 3, 6, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = of_torchvision(hc.compile(name, settings).spec)
        randomise(theirs)
        with maps_of_torchvision(theirs, depths) as maps:
            logits = theirs(clips)
        ours, report = loaded(theirs, tmp_path, name, settings)
        assert differing(named(ours(clips), ours.features(clips)), named(logits, maps)) == {}
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("torchvision's MViTv2", (), (), ())


def test_outputs_of_the_huge_model_equal_timm(tmp_path: Path) -> None:
    assert_equal("mvitv2_h", "mvitv2_huge_cls", [], tmp_path, LESS)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_macs_equal_timm(name: str) -> None:
    _, params, gmacs = NAMES[name]
    cost = hc.compile(name).cost
    assert cost.params == params
    assert cost.macs / 10**9 == pytest.approx(gmacs, abs=1e-4)  # fvcore rounds products of several axes


def assert_equal(
    name: str, their_name: str, options: list[str], folder: Path, depths: tuple[int, ...] | None = None
) -> None:
    """Where no depths are given, both have those that they were published with."""
    settings = [f"input.size={SIZE}"] if depths is None else settings_of(depths, SIZE)
    images = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = timm_model(their_name, depths, SIZE)
        randomise(theirs)
        features = theirs.forward_intermediates(images, intermediates_only=True)
        expected = named(theirs(images), [feature.movedim(1, -1) for feature in features])
        ours, report = loaded(theirs, folder, name, [*options, *settings])
        assert differing(named(ours(images), ours.features(images)), expected) == {}
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("timm's MViTv2", (), (), ())
