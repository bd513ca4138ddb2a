"""ONNX, for runtimes other than torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from hiera_compiler.artifact import verify
from hiera_compiler.artifact.format import Format, Model

ONE_FILE = 1_500_000_000
"""The most bytes of weights in one file: the format itself ends at 2 GB."""


class Onnx(Format):
    """The model for onnxruntime and others: input ``pixels``, outputs ``logits`` or ``stage_1`` and so on."""

    file: ClassVar[str] = "model.onnx"
    tolerance: ClassVar[float] = 1e-4
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxscript", "onnxruntime")

    def write(self, model: Model, file: Path) -> None:
        graph = model.compilation.graph
        stages = [f"stage_{index + 1}" for index in range(len(model.compilation.spec.stages))]
        with _quiet():
            torch.onnx.export(
                model.program,
                f=file,
                input_names=["pixels"],
                output_names=["logits"] if "logits" in graph.outputs else stages,
                external_data=4 * graph.parameter_count > ONE_FILE,
                dynamo=True,
                verbose=False,
            )

    def load(self, model: Model, file: Path) -> verify.Function:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

        def run(pixels: Tensor) -> list[Tensor]:
            return [torch.from_numpy(array) for array in session.run(None, {"pixels": pixels.cpu().numpy()})]

        return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on packages that it could also convert."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
