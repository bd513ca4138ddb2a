"""``torch.export``'s archive, which runs without any Python of ours."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

import torch

from hiera_compiler.artifact import verify
from hiera_compiler.artifact.format import Format, Model


class Exported(Format):
    """The graph that torch traced, with the weights; its batch may have any size."""

    file: ClassVar[str] = "model.pt2"

    def write(self, model: Model, file: Path) -> None:
        torch.export.save(model.program, file)

    def load(self, model: Model, file: Path) -> verify.Function:
        return partial(verify.logits, torch.export.load(file).module())
