"""What is given to a module: pixels and masks that do not fit are refused, and not made into something."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from hiera_compiler.emit.prelude import kept_by
from tests.hiera_compiler.emit.test_masked import CLIP, SMALL, compiled
from tests.support.random_specs import Data, compilation

WINDOWS: Data = {
    "name": "windows",
    "input": {"size": [16, 32]},
    "patch": {"kernel": 2, "stride": 2},
    "position": "none",
    "mask_unit": "none",
    "stages": [{"depth": 1, "channels": 4, "heads": 2, "attention": {"kind": "window", "window": 4}}],
}


def trunk(data: Data) -> Any:
    return compilation(data).module().eval()


def autoencoder(data: Data) -> Any:
    return compiled(data).module().eval()


@pytest.mark.parametrize(
    ("make", "data", "shape"),
    [
        (trunk, WINDOWS, (2, 3, 32, 32)),  # twice as high: the lower half would not be seen
        (trunk, WINDOWS, (2, 3, 16, 31)),
        (trunk, SMALL, (2, 3, 4, 4)),  # one patch, to which all positions would be added
        (trunk, SMALL | {"position": "none"}, (2, 3, 48, 32)),
        (trunk, CLIP, (3, 4, 32, 16)),  # a convolution takes one sample, too
        (autoencoder, CLIP, (2, 3, 4, 64, 32)),
        (autoencoder, SMALL, (2, 3, 32, 49)),  # of as many patches
    ],
)
def test_pixels_of_another_shape_are_refused(make: Any, data: Data, shape: tuple[int, ...]) -> None:
    module, pixels = make(data), torch.zeros(shape)
    wanted = re.escape(f"these are {list(shape)}")
    with pytest.raises(ValueError, match=rf"takes pixels of shape \[batch, 3, .*{wanted}"):
        module(pixels)
    if make is autoencoder:
        with pytest.raises(ValueError, match=wanted):
            module.targets(pixels, torch.tensor([[0], [1]]))


KEPT = torch.tensor([[0, 2, 5], [1, 2, 3]])
# Of the six mask units of SMALL.
SOME = torch.tensor([[True, False, True, False, False, True], [False, True, True, True, False, False]])
WRONG: dict[str, tuple[Tensor, str]] = {
    "of one sample": (KEPT[:1], r"int64 indices of kept units \[2, kept\], and this is torch.int64 \[1, 3\]"),
    "of one sample, boolean": (SOME[:1], r"boolean \[2, 6\], .* torch.bool \[1, 6\]"),
    "of other units": (SOME[:, :4], r"\[2, 4\] is not \[batch, 6\]"),
    "without a batch": (SOME[0], r"\[6\] is not \[batch, 6\]"),
    "of a grid of units": (SOME.view(2, 2, 3), r"\[2, 2, 3\] is not"),
    "of fractions": (SOME.float(), r"torch.float32 \[2, 6\]"),
    "of zeros and ones": (SOME[:, :5].long(), "zeros and ones must be boolean"),
    "of bytes": (SOME[:, :5].byte(), r"this is torch.uint8 \[2, 5\]"),
    "of indices in bytes": (KEPT.to(torch.int8), r"this is torch.int8 \[2, 3\]"),
    "that names a unit twice": (torch.tensor([[0, 0], [1, 2]]), "ascend, from 0 to 5"),
    "in another order": (KEPT.flip(1), "ascend"),
    "beyond the units": (KEPT + 1, "from 0 to 5"),
    "before the units": (KEPT - 1, "from 0 to 5"),
    "that keeps nothing": (SOME & False, "keeps 0 of 6 mask units, and may keep 1 to"),
}


@pytest.mark.parametrize(("mask", "message"), WRONG.values(), ids=WRONG)
def test_a_mask_that_does_not_fit_is_refused(mask: Tensor, message: str) -> None:
    pixels = torch.zeros(2, 3, 32, 48)
    with pytest.raises(ValueError, match=message):
        trunk(SMALL).features(pixels, mask=mask)
    with pytest.raises(ValueError, match=message):
        autoencoder(SMALL)(pixels, mask)


def test_masks_that_fit_are_taken_in_every_form() -> None:
    module, pixels = trunk(SMALL), torch.randn(2, 3, 32, 48)
    with torch.no_grad():
        expected = module.features(pixels, mask=KEPT)
        for mask in (SOME, KEPT.int()):
            assert all(torch.equal(*pair) for pair in zip(module.features(pixels, mask=mask), expected, strict=True))


def test_indices_are_not_looked_at_while_a_cuda_graph_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with FakeTensorMode():  # which has no values to look at
        pixels, kept = torch.empty(2, 3, 32, 48, device="cuda"), torch.ones(2, 3, dtype=torch.long, device="cuda")
        assert kept_by(kept, pixels, 6, 6) is kept


def test_an_autoencoder_must_have_something_to_predict() -> None:
    for everything in (torch.ones(2, 6, dtype=torch.bool), torch.arange(6).expand(2, 6)):
        with pytest.raises(ValueError, match="keeps 6 of 6 mask units, and may keep 1 to 5"):
            autoencoder(SMALL)(torch.zeros(2, 3, 32, 48), everything)
        maps = trunk(SMALL).features(torch.zeros(2, 3, 32, 48), mask=everything)
        assert maps[0].shape == (2, 8, 12, 8)
