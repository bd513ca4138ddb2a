"""The authors' package: logits, every stage's features and masked encoding, with its weights in our modules."""

from pathlib import Path

import pytest
import torch

import hiera_compiler as hc
from tests.support.parity import PUBLISHED, Published, differing, loaded, outputs_of, reference_outputs, saved


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.spec)
def test_outputs_equal_the_reference(model: Published, tmp_path: Path) -> None:
    images, mask = model.images(), model.mask()
    assert not torch.equal(mask[0], mask[1])
    with torch.no_grad():
        reference = model.reference()
        expected = reference_outputs(reference, images, mask)
        with saved(reference, tmp_path) as file:
            del reference  # before ours is made: two of Hiera-H need 5.4 GB
            ours, report = hc.compile(model.spec, model.settings).load(file)
        ours.eval()
        outputs = outputs_of(ours, images, mask)
    assert (report.missing, report.skipped, report.unexpected, report.resized) == ((), (), (), ())
    assert differing(outputs, expected) == {}


SMALL = {model.spec: model.small() for model in PUBLISHED}
AT_OTHER_INPUTS = {f"{model.spec}_1024": model.spec for model in PUBLISHED[:6]}
AT_OTHER_INPUTS |= {"hiera_h_448": "hiera_h", "hiera_l_32x224": "hiera_l_16x224"}


@pytest.mark.parametrize("spec", AT_OTHER_INPUTS)
def test_maps_of_the_specs_of_other_inputs_equal_the_reference(spec: str, tmp_path: Path) -> None:
    model = SMALL[AT_OTHER_INPUTS[spec]]
    images = model.images()
    with torch.no_grad():
        reference = model.reference()
        _, expected = reference(images, return_intermediates=True)
        ours, report = loaded(reference, tmp_path, spec, model.settings)
        found = ours.features(images)
    of_the_head = {name.partition(".")[0] for name in (*report.skipped, *report.unexpected)}
    assert (report.missing, report.resized) == ((), ())
    assert of_the_head <= {"norm", "head"}  # trunks have none, and other clips are of other classes
    names = [f"stage {index}" for index in range(4)]
    assert differing(dict(zip(names, found, strict=True)), dict(zip(names, expected, strict=True))) == {}
