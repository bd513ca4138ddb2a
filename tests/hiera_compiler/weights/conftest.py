"""One small model, and its weights as a checkpoint."""

import pytest
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import randomise

SMALL = [
    "input.size=64",
    "head.classes=10",
    *(f"stages.{index}.depth={depth}" for index, depth in enumerate((1, 1, 2, 1))),
    *(f"stages.{index}.channels={channels}" for index, channels in enumerate((8, 16, 32, 64))),
]


@pytest.fixture(scope="session")
def small() -> list[str]:
    """The settings of the small model."""
    return SMALL


@pytest.fixture(scope="session")
def compilation() -> hc.Compilation:
    """Hiera-T at 64 pixels with five blocks: 8 to 64 channels, positions `[1, 256, 8]`, 10 classes."""
    return hc.compile("hiera_t", SMALL)


@pytest.fixture(scope="session")
def trained(compilation: hc.Compilation) -> dict[str, Tensor]:
    """Weights that no initialisation gives, under our names. Copy the dict before changing it."""
    module = compilation.module()
    randomise(module)
    return dict(module.state_dict())
