"""Compiling a model on the machine at hand, or saying why that cannot be."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

from hiera_compiler.artifact import problems, verify
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.emit.compiled import compile_blocks


class CannotCompileError(Exception):
    """The machine lacks what compiling needs; ``warning`` says what."""

    def __init__(self, warning: Diagnostic) -> None:
        super().__init__(warning.message)
        self.warning = warning


def compiled_outputs(module: nn.Module, *inputs: torch.Tensor) -> verify.Outputs:
    """The outputs of the module, compiled in place. Raises CannotCompileError where the machine is at fault."""
    use_cache()
    if inputs[0].device.type == "cpu":
        command = _compiler()
        if shutil.which(command) is None:
            raise CannotCompileError(problems.no_compiler(command))
    # Both are loaded by compiling anyway.
    from torch._dynamo.exc import BackendCompilerFailed
    from torch._inductor import exc

    try:
        return verify.everything(compile_blocks(module), *inputs)
    except (exc.InductorError, BackendCompilerFailed, exc.CppCompileError, OSError) as error:
        warning = _machines_fault(error)
        if warning is None:
            raise
        raise CannotCompileError(warning) from error


def use_cache() -> None:
    """Keep compiled code in the user's cache folder, so that the next build of a model takes a second or two.

    The variable TORCHINDUCTOR_CACHE_DIR wins where it is set; torch's own choice stays where the cache folder
    cannot be written.
    """
    if "TORCHINDUCTOR_CACHE_DIR" in os.environ:
        return
    from platformdirs import user_cache_dir

    folder = Path(user_cache_dir("hiera")) / "inductor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)


def _compiler() -> str:
    """The C++ compiler that torch would call."""
    return os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")


def _machines_fault(error: BaseException) -> Diagnostic | None:
    """The warning for an error that another machine would not have given; none for a fault of ours."""
    from torch._inductor import exc

    inner = getattr(error, "inner_exception", None) or error
    if isinstance(inner, exc.InvalidCxxCompiler):
        return problems.no_compiler(_compiler())
    if isinstance(inner, exc.CppCompileError | exc.TritonMissing | exc.GPUTooOldForTriton | OSError):
        return problems.compiler_failed(_first_complaint(str(inner)))
    return None


def _first_complaint(text: str) -> str:
    """The first line that names an error, else the first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if "error:" in line.lower()]
    return (named or lines or ["no reason given"])[0][:200]
