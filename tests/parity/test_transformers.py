"""transformers' Hiera: classifier, encoder alone and pretraining, with their state dicts in our modules.

The first of its hidden states is the embedding; the others are the ends of the stages.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.parity import PUBLISHED, Published, differing, loaded, named, randomise, without_initialisation
from tests.support.public_packages import transformers

# Hiera-H is whole in the test against the authors' package; here it has all its widths.
IMAGES = (*PUBLISHED[:5], PUBLISHED[5].small())
TINY = IMAGES[0]


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
    decoder = {"decoder_hidden_size": 64, "decoder_depth": 1, "decoder_num_heads": 2, "mask_ratio": 0.6}
    # Pretraining leaves the last stage unpooled, so that a kept unit has four tokens left.
    unpooled = ["stages.3.pool=none"]
    with torch.no_grad():
        theirs = transformers_model("HieraForPreTraining", TINY, num_query_pool=2, **decoder)
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
