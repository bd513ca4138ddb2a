"""One readable Python file that needs only torch."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file

from hiera_compiler.artifact import verify
from hiera_compiler.artifact.format import Format, Model
from hiera_compiler.weights.load import fill_buffers


class PythonFile(Format):
    """The model's classes as text; the weights stay in their own file."""

    file: ClassVar[str] = "model.py"
    holds_weights: ClassVar[bool] = False
    # It is the very code that ran, so that only the number of threads could change a last digit.
    tolerance: ClassVar[float] = 1e-6

    def write(self, model: Model, file: Path) -> None:
        file.write_text(model.compilation.python, encoding="utf-8")

    def load(self, model: Model, file: Path) -> verify.Function:
        device = model.example[0].device
        # Not imported, which would leave compiled Python beside it.
        model_class = runpy.run_path(str(file))[model.compilation.class_name]
        with torch.device("meta"):
            module = model_class()
        module.to_empty(device=device)
        fill_buffers(module, device)
        module.load_state_dict(load_file(model.weights, str(device)))
        return partial(verify.logits, module.eval())
