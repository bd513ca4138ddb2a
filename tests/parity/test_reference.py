"""The authors' package: logits, every stage's features and masked encoding, with its weights in our modules."""

from pathlib import Path

import pytest
import torch

import hiera_compiler as hc
from tests.support.parity import PUBLISHED, Published, differing, outputs_of, reference_outputs, saved


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
