"""What the parity tests share: public models with random weights, and the measure of difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import hiera_compiler as hc
from hiera_compiler.weights import LoadReport
from tests.support.public_packages import hiera_reference

TOLERANCE = 1e-5
_INITIALISERS = ("trunc_normal_", "kaiming_uniform_", "uniform_", "normal_")


@contextmanager
def without_initialisation() -> Iterator[None]:
    """Layers are made with the memory as it is: to initialise Hiera-H takes longer than to run it."""
    with ExitStack() as patches:
        for name in _INITIALISERS:
            patches.enter_context(patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        yield


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Every parameter drawn anew, biases and norms too: what starts at 0 or 1 would hide a missing key."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.normal_(0, 0.2, generator=generator)
                if "norm" in name and name.endswith("weight"):
                    weight.add_(1)
            elif name.rpartition(".")[2].startswith("pos"):
                weight.normal_(0, 0.5, generator=generator)
            else:
                weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)


def relative_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference as a part of the largest value; shapes must be equal, and `theirs` must vary."""
    assert ours.shape == theirs.shape
    assert theirs.std() > 0.05
    assert (theirs[0] - theirs[-1]).abs().max() > 0.05
    return float((ours - theirs).abs().max() / theirs.abs().max())


def differing(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], limit: float = TOLERANCE) -> dict[str, float]:
    """The outputs that differ by more than the limit, with their relative differences: none where all agree."""
    assert list(ours) == list(theirs)
    found = {name: relative_difference(ours[name], theirs[name]) for name in theirs}
    return {name: difference for name, difference in found.items() if not difference <= limit}


@dataclass(frozen=True)
class Published:
    """A published model: our spec, the reference's arguments, and the input size that it is tested at."""

    spec: str
    width: int
    heads: int
    depths: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def settings(self) -> list[str]:
        """What makes our spec one for this input size, and of these depths."""
        *frames, height, width = self.size
        depths = (f"stages.{index}.depth={depth}" for index, depth in enumerate(self.depths))
        return [f"input.size=[{height}, {width}]", *(f"input.frames={count}" for count in frames), *depths]

    def small(self) -> Published:
        """The same at a small input and with as few blocks as show every kind of block that it has."""
        return replace(self, depths=(1, 1, 2, 1), size=(*(4 for _ in self.size[2:]), 64, 96))

    def reference(self) -> Any:
        """The authors' model with random weights, giving logits where it gives probabilities."""
        video: dict[str, Any] = {
            "num_classes": 400,
            "q_stride": (1, 2, 2),
            "mask_unit_size": (1, 8, 8),
            "patch_kernel": (3, 7, 7),
            "patch_stride": (2, 4, 4),
            "patch_padding": (1, 3, 3),
            "sep_pos_embed": True,
        }
        with without_initialisation():
            model = hiera_reference().Hiera(
                input_size=self.size,
                embed_dim=self.width,
                num_heads=self.heads,
                stages=self.depths,
                **(video if len(self.size) == 3 else {}),
            )
        randomise(model)
        model.head.act_func = nn.Identity()
        return model.eval()

    def images(self, count: int = 2) -> Tensor:
        """Random input of this size; a colour of its own for each, else large ones would be alike on the mean."""
        generator = torch.Generator().manual_seed(1)
        colours = torch.randn(count, 3, *(1 for _ in self.size), generator=generator)
        return torch.randn(count, 3, *self.size, generator=generator) + colours

    def mask(self, count: int = 2) -> Tensor:
        """A mask that keeps about half of the mask units, others for each sample."""
        height, width = (side // 32 for side in self.size[-2:])
        units = height * width * (self.size[0] // 2 if len(self.size) == 3 else 1)
        order = torch.rand(count, units, generator=torch.Generator().manual_seed(2)).argsort(1)
        return order < (units + 1) // 2


@contextmanager
def saved(model: nn.Module, folder: Path) -> Iterator[Path]:
    """A file with a public model's weights; gone afterwards, for pytest keeps its folders and Hiera-H has 2.7 GB."""
    file = folder / "weights.safetensors"
    save_file(model.state_dict(), file)
    del model
    try:
        yield file
    finally:
        file.unlink()


BASE, BASE_PLUS = (96, 1, (2, 3, 16, 3)), (112, 2, (2, 3, 16, 3))
LARGE, HUGE = (144, 2, (2, 6, 36, 4)), (256, 4, (2, 6, 36, 4))

# The large ones have all their weights and a small input, not square, so that they fit in memory and minutes.
PUBLISHED = (
    Published("hiera_t", 96, 1, (1, 2, 7, 2), (224, 224)),
    Published("hiera_s", 96, 1, (1, 2, 11, 2), (224, 224)),
    Published("hiera_b", *BASE, (224, 224)),
    Published("hiera_b_plus", *BASE_PLUS, (224, 224)),
    Published("hiera_l", *LARGE, (64, 96)),
    Published("hiera_h", *HUGE, (64, 96)),
    Published("hiera_b_16x224", *BASE, (16, 224, 224)),
    Published("hiera_b_plus_16x224", *BASE_PLUS, (8, 96, 128)),
    Published("hiera_l_16x224", *LARGE, (4, 64, 96)),
    Published("hiera_h_16x224", *HUGE, (4, 64, 96)),
)


def loaded(model: nn.Module, folder: Path, spec: str, settings: Sequence[str] = ()) -> tuple[Any, LoadReport]:
    """Our model with the weights of a public one, by way of a file, in eval mode."""
    with saved(model, folder) as file:
        ours, report = hc.compile(spec, settings).load(file)
    return ours.eval(), report


def named(logits: Tensor, features: Sequence[Tensor], masked: Sequence[Tensor] = ()) -> dict[str, Tensor]:
    """Outputs by name."""
    return {
        "logits": logits,
        **{f"features {index}": value for index, value in enumerate(features)},
        **{f"masked features {index}": value for index, value in enumerate(masked)},
    }


def outputs_of(ours: Any, images: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """The outputs of one of our models, by name: logits, features, and features of the kept mask units."""
    return named(ours(images), ours.features(images), ours.features(images, mask=mask))


def reference_outputs(reference: Any, images: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """The same of one of the authors' models."""
    logits, features = reference(images, return_intermediates=True)
    _, masked = reference(images, mask=mask, return_intermediates=True)
    return named(logits, features, masked)
