"""timm's six image models: logits and the maps of all stages, with its state dict in our modules."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.parity import PUBLISHED, Published, differing, loaded, named, randomise, without_initialisation
from tests.support.public_packages import timm

SIZES = ("tiny", "small", "base", "base_plus", "large", "huge")
# Hiera-H is whole in the test against the authors' package; here it has all its widths.
NAMES = dict(zip(SIZES, (*PUBLISHED[:5], PUBLISHED[5].small()), strict=True))


def timm_model(name: str, model: Published) -> Any:
    with without_initialisation():
        theirs = timm().create_model(f"hiera_{name}_224", img_size=model.size, stages=model.depths)
    randomise(theirs)
    return theirs.eval()


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_timm(name: str, tmp_path: Path) -> None:
    model = NAMES[name]
    images = model.images()
    with torch.no_grad():
        theirs = timm_model(name, model)
        features = theirs.forward_intermediates(images, output_fmt="NHWC", intermediates_only=True)
        expected = named(theirs(images), features)
        ours, report = loaded(theirs, tmp_path, model.spec, model.settings)
        outputs = named(ours(images), ours.features(images))
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("timm", (), (), ())
    assert differing(outputs, expected) == {}
