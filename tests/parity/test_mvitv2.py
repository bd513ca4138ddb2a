"""timm's MViTv2: logits and the maps of all stages, with its state dict under our names."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import differing, named, randomise, without_initialisation
from tests.support.public_packages import timm

NAMES = {
    "mvitv2_t": ("mvitv2_tiny", 24_173_320, 4.7042),
    "mvitv2_s": ("mvitv2_small", 34_870_216, 6.9983),
    "mvitv2_b": ("mvitv2_base", 51_472_744, 10.1587),
    "mvitv2_l": ("mvitv2_large", 217_992_952, 43.8692),
}
"""The name in timm, the parameters, and fvcore's billions of multiply-accumulates."""


def our_name(key: str, starts: list[int]) -> str:
    """Our name of a parameter of timm's, whose blocks are numbered within their stage."""
    stage = re.match(r"stages\.(\d+)\.blocks\.(\d+)\.", key)
    if stage is not None:
        key = f"blocks.{starts[int(stage[1])] + int(stage[2])}.{key[stage.end() :]}"
    key = key.replace("shortcut_proj_attn", "proj").replace("shortcut_proj_mlp", "mlp.proj")
    key = re.sub(r"attn\.norm_([qkv])", r"attn.pool_\1_norm", key)
    key = key.replace("attn.rel_pos_h", "attn.rel_pos.height").replace("attn.rel_pos_w", "attn.rel_pos.width")
    return key.replace("head.fc", "head.projection")


def our_weights(theirs: Any) -> dict[str, Tensor]:
    starts = [0]
    for stage in theirs.stages:
        starts.append(starts[-1] + len(stage.blocks))
    return {our_name(key, starts): value for key, value in theirs.state_dict().items()}


def timm_model(name: str, depths: tuple[int, ...], size: int) -> Any:
    mvitv2: Any = timm().models.mvitv2
    with without_initialisation():
        model = mvitv2.MultiScaleVit(cfg=replace(mvitv2.model_cfgs[name], depths=depths), img_size=(size, size))
    return model.eval()


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_timm(name: str) -> None:
    assert_equal(name, NAMES[name][0], [])


def test_outputs_with_a_class_token_equal_timm() -> None:
    assert_equal("mvitv2_s", "mvitv2_small_cls", ["class_token=true", "head.pooling=class_token"])


def test_outputs_where_attention_widens_equal_timm() -> None:
    token = ["class_token=true", "head.pooling=class_token"]
    assert_equal("mvitv2_l_wide", "mvitv2_large_cls", token)


def test_outputs_of_the_huge_model_equal_timm() -> None:
    assert_equal("mvitv2_h", "mvitv2_huge_cls", [])


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_macs_equal_timm(name: str) -> None:
    _, params, gmacs = NAMES[name]
    cost = hc.compile(name).cost
    assert cost.params == params
    assert cost.macs / 10**9 == pytest.approx(gmacs, abs=1e-4)  # fvcore rounds products of several axes


def assert_equal(name: str, their_name: str, options: list[str]) -> None:
    # Small, and of few blocks: the stages of the large model have all its widths and forms of blocks.
    depths, size = (2, 2, 3, 2), 96
    settings = [
        *options,
        f"input.size={size}",
        *(f"stages.{index}.depth={depth}" for index, depth in enumerate(depths)),
    ]
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = timm_model(their_name, depths, size)
        randomise(theirs)
        features = theirs.forward_intermediates(images, intermediates_only=True)
        expected = named(theirs(images), [feature.movedim(1, -1) for feature in features])
        ours: Any = hc.compile(name, settings).module().eval()
        ours.load_state_dict(our_weights(theirs))
        assert differing(named(ours(images), ours.features(images)), expected) == {}
