"""transformers' Hiera: classifier, encoder alone and pretraining, with their state dicts in our modules.

The first of its hidden states is the embedding; the others are the ends of the stages.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import (
    PUBLISHED,
    TOLERANCE,
    Published,
    differing,
    loaded,
    named,
    randomise,
    saved,
    without_initialisation,
)
from tests.support.public_packages import transformers

# Hiera-H is whole in the test against the authors' package; here it has all its widths.
IMAGES = (*PUBLISHED[:5], PUBLISHED[5].small())
TINY = IMAGES[0]
PRETRAINING: dict[str, Any] = {
    "num_query_pool": 2,
    "decoder_hidden_size": 64,
    "decoder_depth": 2,
    "decoder_num_heads": 2,
    "mask_ratio": 0.6,
}
"""transformers' defaults have no decoder, and pool in all stages."""


def transformers_model(kind: str, model: Published, **options: Any) -> Any:
    config = transformers().HieraConfig(
        image_size=list(model.size),
        embed_dim=model.width,
        depths=list(model.depths),
        num_heads=[model.heads * 2**stage for stage in range(4)],
        num_labels=1000,
        **options,
    )
    with without_initialisation():
        theirs = getattr(transformers(), kind)(config)
    randomise(theirs)
    return theirs.eval()


@pytest.mark.parametrize("model", IMAGES, ids=lambda model: model.spec)
def test_classifier_equals_transformers(model: Published, tmp_path: Path) -> None:
    images = model.images()
    with torch.no_grad():
        theirs = transformers_model("HieraForImageClassification", model)
        output = theirs(images, output_hidden_states=True)
        expected = named(output.logits, output.reshaped_hidden_states[1:])
        ours, report = loaded(theirs, tmp_path, model.spec, model.settings)
        outputs = named(ours(images), ours.features(images))
    assert (report.layout, report.missing, report.unexpected) == ("transformers", (), ())
    assert differing(outputs, expected) == {}


def test_encoder_alone_equals_transformers(tmp_path: Path) -> None:
    images = TINY.images()
    with torch.no_grad():
        theirs = transformers_model("HieraModel", TINY)
        output = theirs(images, output_hidden_states=True)
        ours, report = loaded(theirs, tmp_path, TINY.spec, TINY.settings)
        pooled = ours.norm(ours.features(images)[-1].mean((1, 2)))
        outputs = named(pooled, ours.features(images))
    assert report.missing == ("head.projection.weight", "head.projection.bias")
    assert differing(outputs, named(output.pooler_output, output.reshaped_hidden_states[1:])) == {}


def test_masked_pretraining_encoder_equals_transformers(tmp_path: Path) -> None:
    images, noise = TINY.images(), torch.rand(2, 49, generator=torch.Generator().manual_seed(3))
    # Pretraining leaves the last stage unpooled, so that a kept unit has four tokens left.
    unpooled = ["stages.3.pool=none"]
    with torch.no_grad():
        theirs = transformers_model("HieraForPreTraining", TINY, **PRETRAINING)
        output = theirs.hiera(images, noise=noise, output_hidden_states=True)
        mask = output.bool_masked_pos
        ours, report = loaded(theirs, tmp_path, TINY.spec, [*TINY.settings, *unpooled])
        features = ours.features(images, mask=mask)
    assert report.missing == ("head.projection.weight", "head.projection.bias")
    assert {key.split(".")[0] for key in report.unexpected} == {"decoder", "multiscale_fusion"}
    assert not torch.equal(mask[0], mask[1])
    assert (mask.sum(1) == 19).all()
    expected = output.reshaped_hidden_states[1:]
    assert differing(named(features[-1], features), named(expected[-1], expected)) == {}


def autoencoders(model: Published, folder: Path, norm_target: bool = True) -> tuple[Any, Any]:
    """transformers' masked autoencoder with random weights, and ours with the same."""
    theirs = transformers_model("HieraForPreTraining", model, normalize_pixel_loss=norm_target, **PRETRAINING)
    decoder = ["mae.decoder.channels=64", "mae.decoder.depth=2", "mae.decoder.heads=2"]
    settings = [*model.settings, *decoder, f"mae.norm_target={str(norm_target).lower()}"]
    with saved(theirs, folder) as file:
        ours, report = hc.compile(model.spec, settings, task="mae").load(file, "cpu")
    assert (report.layout, report.missing, report.skipped, report.unexpected) == ("transformers", (), (), ())
    return theirs, ours.eval()


def kept_indices(ids_restore: Tensor, count: int) -> Tensor:
    """The kept units as our modules take them. transformers tells for each unit its rank among shuffled ones."""
    return ids_restore.argsort(1)[:, :count].sort(1).values


@pytest.mark.parametrize("norm_target", [True, False])
@pytest.mark.parametrize("size", [(64, 96), (96, 96)])
def test_masked_autoencoder_equals_transformers(size: tuple[int, int], norm_target: bool, tmp_path: Path) -> None:
    model = replace(TINY.small(), size=size)
    images, units = model.images(), size[0] * size[1] // 32**2
    noise = torch.rand(2, units, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        theirs, ours = autoencoders(model, tmp_path, norm_target)
        output = theirs(images, noise=noise)
        loss, prediction, _, mask = ours(images, kept_indices(output.ids_restore, int(units * 0.4)))
    # Despite its name the mask is true where a token is kept: one value for each token, the authors' one for each unit.
    seen = output.bool_masked_pos
    spread = mask.view(2, size[0] // 32, size[1] // 32).repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert torch.equal(seen, spread.flatten(1))
    # Logits are those of all tokens, in raster order; ours are predicted for the masked ones alone.
    expected = output.logits[~seen].view(prediction.shape)
    assert differing({"prediction": prediction}, {"prediction": expected}) == {}
    assert float((loss - output.loss).abs() / output.loss) <= TOLERANCE


def test_equal_seeds_draw_the_units_that_transformers_draws(tmp_path: Path) -> None:
    model = TINY.small()
    images = model.images()
    with torch.no_grad():
        theirs, ours = autoencoders(model, tmp_path)
        torch.manual_seed(7)
        expected = theirs(images)
        torch.manual_seed(7)
        loss, _, _, mask = ours(images)
    kept = kept_indices(expected.ids_restore, 2)
    assert torch.equal(mask.nonzero()[:, 1].view(2, 2), kept)
    assert not torch.equal(kept[0], kept[1])
    assert float((loss - expected.loss).abs() / expected.loss) <= TOLERANCE


def test_resized_table_equals_what_transformers_interpolates(tmp_path: Path) -> None:
    model = PUBLISHED[0]
    images = torch.randn(2, 3, 256, 320, generator=torch.Generator().manual_seed(1))
    images[1] += 1
    with torch.no_grad():
        theirs = transformers_model("HieraForImageClassification", model)
        expected = theirs(images, interpolate_pos_encoding=True).logits
        ours, report = loaded(theirs, tmp_path, model.spec, ["input.size=[256, 320]"])
        assert differing({"logits": ours(images)}, {"logits": expected}) == {}
    assert [str(change) for change in report.resized] == ["pos_embed 56×56 to 64×80"]
