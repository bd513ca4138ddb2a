"""Our masked autoencoders against the authors': loss, prediction, target and mask, gradients, parameters and MACs."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import hiera_compiler as hc
from hiera_compiler import estimate
from hiera_compiler.ir.masking import masking
from hiera_compiler.lower import lower_mae
from tests.support.parity import PUBLISHED, TOLERANCE, Published, randomise, saved, without_initialisation
from tests.support.public_packages import hiera_reference

# Parameters, and GMACs as fvcore counts them, of one forward pass of the authors' code at the published mask ratios.
COUNTED = {
    "hiera_t": (55_020_896, 8.105),
    "hiera_s": (62_118_752, 8.662),
    "hiera_b": (78_635_648, 10.193),
    "hiera_b_plus": (97_584_064, 11.905),
    "hiera_l": (242_875_808, 24.439),
    "hiera_h": (710_081_792, 65.030),
    "hiera_b_16x224": (79_367_104, 71.434),
    "hiera_b_plus_16x224": (98_320_352, 75.144),
    "hiera_l_16x224": (243_621_760, 101.579),
    "hiera_h_16x224": (710_861_568, 186.511),
}
SMALL = [PUBLISHED[0].small(), PUBLISHED[6].small()]
IMAGE, CLIP = SMALL
RATE = "mae.drop_path=0.0"


@dataclass(frozen=True)
class Pair:
    """The authors' model and ours, with the same random weights."""

    theirs: Any
    ours: Any
    compilation: hc.Compilation


def reference(model: Published) -> Any:
    """The authors' masked autoencoder with random weights."""
    video: dict[str, Any] = {
        "q_stride": (1, 2, 2),
        "mask_unit_size": (1, 8, 8),
        "patch_kernel": (3, 7, 7),
        "patch_stride": (2, 4, 4),
        "patch_padding": (1, 3, 3),
        "sep_pos_embed": True,
    }
    hiera_reference()
    with without_initialisation():
        theirs = importlib.import_module("hiera.hiera_mae").MaskedAutoencoderHiera(
            input_size=model.size,
            embed_dim=model.width,
            num_heads=model.heads,
            stages=model.depths,
            q_pool=2,
            **(video if len(model.size) == 3 else {}),
        )
    randomise(theirs)
    return theirs.eval()


def pair(model: Published) -> Pair:
    theirs = reference(model)
    compilation = hc.compile(model.spec, [*model.settings, RATE], task="mae")
    ours: Any = compilation.module("meta").eval()
    ours.load_state_dict(theirs.state_dict(), assign=True)
    return Pair(theirs, ours, compilation)


def kept(model: Published) -> Tensor:
    """A mask that keeps as many units as the spec says, others for each sample."""
    mask = model.mask()
    count = 4 if len(model.size) == 3 else 2
    order = torch.rand(mask.shape, generator=torch.Generator().manual_seed(5)).argsort(1)
    return order < count


def worst(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> float:
    """The largest relative difference of loss, prediction and target."""
    assert len(ours) == len(theirs) == 4
    assert torch.equal(ours[3], theirs[3].bool())
    assert theirs[1].std() > 0.05
    flat = [ours[0], ours[1].flatten(0, 1), ours[2].flatten(0, 1)]
    assert [a.shape for a in flat] == [b.shape for b in theirs[:3]]
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(flat, theirs[:3], strict=True))


@pytest.mark.parametrize("model", SMALL, ids=lambda model: model.spec)
def test_masked_autoencoder_equals_the_reference(model: Published) -> None:
    both, images = pair(model), model.images()
    with torch.no_grad():
        assert worst(both.ours(images, kept(model)), both.theirs(images, mask=kept(model))) <= TOLERANCE


@pytest.mark.parametrize("model", SMALL, ids=lambda model: model.spec)
def test_equal_seeds_draw_the_units_that_the_reference_draws(model: Published) -> None:
    both, images = pair(model), model.images()
    ratio = both.compilation.spec.pretraining.mask_ratio
    with torch.no_grad():
        torch.manual_seed(7)
        theirs = both.theirs(images, mask_ratio=ratio)
        torch.manual_seed(7)
        assert worst(both.ours(images), theirs) <= TOLERANCE


@pytest.mark.parametrize("model", SMALL, ids=lambda model: model.spec)
def test_gradients_equal_those_of_the_reference(model: Published) -> None:
    both, images = pair(model), model.images()
    both.theirs(images, mask=kept(model))[0].backward()
    both.ours(images, kept(model))[0].backward()
    ours = dict(both.ours.named_parameters())
    found = {}
    for name, weight in both.theirs.named_parameters():
        scale = weight.grad.abs().max()
        assert scale > 0, name
        found[name] = float((ours[name].grad - weight.grad).abs().max() / scale)
    assert set(found) == set(ours)
    assert {name: value for name, value in found.items() if not value <= 1e-4} == {}


def test_a_published_checkpoint_s_keys_load_with_nothing_left(tmp_path: Path) -> None:
    theirs = reference(IMAGE)
    with saved(theirs, tmp_path) as file:
        ours, report = hc.compile(IMAGE.spec, [*IMAGE.settings, RATE], task="mae").load(file)
    assert (report.layout, report.missing, report.skipped, report.unexpected) == ("hiera-transformer", (), (), ())
    with torch.no_grad():
        found = ours.eval()(IMAGE.images(), kept(IMAGE))
        assert worst(found, theirs(IMAGE.images(), mask=kept(IMAGE))) <= TOLERANCE


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_and_macs_are_the_reference_s_where_nothing_is_saved(name: str) -> None:
    params, macs = COUNTED[name]
    spec = hc.compile(name).spec
    cost = estimate.cost(lower_mae(spec, early=False))
    assert cost.params == params
    assert f"{cost.macs / 1e9:.3f}" == f"{macs:.3f}"


@pytest.mark.parametrize("name", COUNTED)
def test_early_selection_saves_the_stem_of_dropped_units_and_what_leaves_the_decoder_for_seen_ones(name: str) -> None:
    spec = hc.compile(name).spec
    late, early = lower_mae(spec, early=False), lower_mae(spec)
    assert early.parameters() == late.parameters()
    units, kept = masking(late).units, masking(late).kept
    macs = {node: counts.macs for node, counts in estimate.counts_by(late, lambda node: node.name).items()}
    last = [f"decoder_blocks.7.{part}" for part in ("attn.attend", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")]
    leaves = sum(macs[node] for node in (*last, "decoder_norm", "decoder_pred"))
    saved_macs = macs["patch_embed.proj"] * (units - kept) // units + leaves * kept // units
    assert estimate.cost(late).macs - estimate.cost(early).macs == saved_macs > 0


@pytest.mark.parametrize("name", ["hiera_t", "hiera_b_16x224"])
def test_the_module_computes_what_the_graph_counts(name: str) -> None:
    compilation = hc.compile(name, task="mae")
    module: Any = compilation.module("meta").eval()
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    assert shapes == compilation.graph.parameters()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *compilation.spec.input_shape, device="meta"))
    assert counter.get_total_flops() == compilation.cost.flops


@pytest.mark.slow
def test_hiera_t_at_full_size_equals_the_reference() -> None:
    model = PUBLISHED[0]
    both, images = pair(model), model.images()
    mask = torch.rand(2, 49, generator=torch.Generator().manual_seed(2)).argsort(1) < 19
    with torch.no_grad():
        assert worst(both.ours(images, mask), both.theirs(images, mask=mask)) <= TOLERANCE
