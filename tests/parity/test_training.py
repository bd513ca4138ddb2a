"""Training: equal to the reference where nothing is dropped, and dropped paths as often as they should be."""

from pathlib import Path

import pytest
import torch
from torch import nn

import hiera_compiler as hc
from tests.support.parity import PUBLISHED, Published, loaded, relative_difference

TINY = PUBLISHED[0].small()
CLIPS = PUBLISHED[6].small()
NOTHING_DROPPED = ["drop_path.rate=0", "head.dropout=0"]


@pytest.mark.parametrize("model", [TINY, CLIPS], ids=lambda model: model.spec)
def test_training_step_equals_the_reference(model: Published, tmp_path: Path) -> None:
    reference = model.reference().train()
    ours, _ = loaded(reference, tmp_path, model.spec, [*model.settings, *NOTHING_DROPPED])
    images = model.images()
    theirs, logits = reference(images), ours.train()(images)
    assert relative_difference(logits.detach(), theirs.detach()) <= 1e-5
    targets = torch.tensor([3, 7])
    nn.functional.cross_entropy(logits, targets).backward()
    nn.functional.cross_entropy(theirs, targets).backward()
    gradients = {name: weight.grad for name, weight in reference.named_parameters()}
    assert {name for name, _ in ours.named_parameters()} == set(gradients)
    for name, weight in ours.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name
        difference = (weight.grad - gradients[name]).abs().max() / gradients[name].abs().max()
        # A key's bias moves all scores of a query alike, which softmax ignores: a part of this is rounding alone.
        assert difference <= 1e-4, name


def test_paths_are_dropped_at_the_rates_of_the_spec_and_scaled() -> None:
    compilation = hc.compile("hiera_t", [*TINY.settings, "drop_path.rate=0.5"])
    module = compilation.module()
    torch.manual_seed(0)
    rates = []
    for block in module.get_submodule("blocks").children():
        drop = block.get_submodule("attn.drop_path")
        kept = drop(torch.ones(20_000, 2, 3)).flatten(1)
        assert (kept == kept[:, :1]).all()
        rates.append(float((kept[:, 0] == 0).float().mean()))
        assert float(kept.mean()) == pytest.approx(1, abs=0.03)
        assert torch.equal(drop.eval()(kept), kept)
    assert rates == pytest.approx([0, 0.125, 0.25, 0.375, 0.5], abs=0.015)


def test_each_sample_drops_its_own_paths() -> None:
    module = hc.compile("hiera_t", [*TINY.settings, "drop_path.rate=0.9"]).module()
    torch.manual_seed(0)
    with torch.no_grad():
        # The same image eight times: what differs is what was dropped.
        logits = module(TINY.images(1).expand(8, -1, -1, -1))
    assert len(torch.unique(logits, dim=0)) > 2
