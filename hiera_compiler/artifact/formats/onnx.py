"""ONNX, for runtimes other than torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from hiera_compiler.artifact import verify
from hiera_compiler.artifact.format import Format, Model
from hiera_compiler.pipeline import Compilation

INPUTS = ["pixels", "kept"]
"""The kept mask units are those of a masked autoencoder: ascending indices."""

ONE_FILE = 1_500_000_000
"""The most bytes of weights in one file: the format itself ends at 2 GB."""


class Onnx(Format):
    """The model for onnxruntime and others: input ``pixels``, outputs ``logits`` or ``stage_1`` and so on."""

    file: ClassVar[str] = "model.onnx"
    tolerance: ClassVar[float] = 1e-4
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxscript", "onnxruntime")

    def write(self, model: Model, file: Path) -> None:
        graph = model.compilation.graph
        with _quiet():
            torch.onnx.export(
                model.program,
                f=file,
                input_names=INPUTS[: len(model.example)],
                output_names=_outputs(model.compilation),
                external_data=4 * graph.parameter_count > ONE_FILE,
                dynamo=True,
                verbose=False,
            )

    def load(self, model: Model, file: Path) -> verify.Function:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

        def run(*inputs: Tensor) -> list[Tensor]:
            given = {name: tensor.cpu().numpy() for name, tensor in zip(INPUTS, inputs, strict=False)}
            return [torch.from_numpy(array) for array in session.run(None, given)]

        return partial(verify.logits, run)


def _outputs(compilation: Compilation) -> list[str]:
    if compilation.task == "mae":
        return ["loss", "prediction", "target", "mask"]
    returned = compilation.graph.returned
    if returned == ("logits",):
        return ["logits"]
    what = "stage" if compilation.spec.neck is None else "level"
    return [f"{what}_{index + 1}" for index in range(len(returned))]


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
