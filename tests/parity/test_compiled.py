"""Compiled and exported: one full graph each for logits, features and masked encoding, equal to the reference."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hiera_compiler.emit.prelude import kept_units
from tests.support.parity import PUBLISHED, Published, differing, loaded, named, reference_outputs

TINY = PUBLISHED[0].small()


class Masked(nn.Module):
    """The masked encoder as a module of its own, which is what torch.export takes."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor, kept: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.model.features(pixels, kept)
        return features


def compiled_outputs(model: Published, folder: Path, backend: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    images, mask = model.images(), model.mask()
    with torch.no_grad():
        reference = model.reference()
        expected = reference_outputs(reference, images, mask)
        ours, _ = loaded(reference, folder, model.spec, model.settings)

        def outputs(pixels: Tensor, kept: Tensor) -> dict[str, Tensor]:
            return named(ours(pixels), ours.features(pixels), ours.features(pixels, kept))

        # Each case compiles this same function: the ninth would meet torch's limit on recompiling one.
        torch.compiler.reset()
        # All outputs from one graph: the compiler sees that they share the encoder, and builds it once.
        kept = kept_units(mask, mask.shape[1])
        return torch.compile(outputs, fullgraph=True, backend=backend)(images, kept), expected


@pytest.mark.slow
@pytest.mark.timeout(900)  # minutes of gcc where the cache is empty and the machine is busy
def test_code_compiled_by_inductor_equals_the_reference(tmp_path: Path) -> None:
    outputs, expected = compiled_outputs(TINY, tmp_path, "inductor")
    assert differing(outputs, expected) == {}


@pytest.mark.parametrize("model", [model.small() for model in PUBLISHED], ids=lambda model: model.spec)
def test_one_full_graph_equals_the_reference(model: Published, tmp_path: Path) -> None:
    outputs, expected = compiled_outputs(model, tmp_path, "aot_eager")
    assert differing(outputs, expected) == {}


@pytest.mark.parametrize("strict", [False, True], ids=["non_strict", "strict"])
def test_exported_masked_encoder_equals_the_reference(strict: bool, tmp_path: Path) -> None:
    images, mask = TINY.images(), TINY.mask()
    with torch.no_grad():
        reference = TINY.reference()
        _, expected = reference(images, mask=mask, return_intermediates=True)
        ours, _ = loaded(reference, tmp_path, TINY.spec, TINY.settings)
        program = torch.export.export(Masked(ours), (images, kept_units(mask, mask.shape[1])), strict=strict)
        # Another sample, so that nothing of the first can have become a constant.
        outputs = program.module()(images.flip(0), kept_units(mask.flip(0), mask.shape[1]))
    names = [f"stage {index}" for index in range(len(expected))]
    flipped = [value.flip(0) for value in expected]
    assert differing(dict(zip(names, outputs, strict=True)), dict(zip(names, flipped, strict=True))) == {}
