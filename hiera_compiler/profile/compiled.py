"""Compiled modules that are never eager ones: full graphs, a recompile limit for whole sweeps, and a probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from torch import nn

from hiera_compiler.artifact.compiling import use_cache
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.emit.compiled import compile_blocks
from hiera_compiler.profile import problems
from hiera_compiler.profile.subject import first_line

RECOMPILES = 64
"""Of one block: each batch of a sweep is compiled for its own shapes, and training once more."""


def compile_in_place(module: nn.Module, name: str) -> str:
    """Compile on the next call, block by block where the module has blocks of ours, else as one graph; and say which.

    Raises SpecError where torch.compile is switched off, as by TORCH_COMPILE_DISABLE.
    """
    use_cache()
    if not compiles_at_all():
        raise SpecError(problems.cannot_compile(name, "torch.compile is switched off in this environment"))
    if type(module).__module__.startswith("hiera_compiler.emitted"):
        compile_blocks(module)
        return "each block compiled as a full graph; what lies outside the blocks is eager"
    module.compile(fullgraph=True, dynamic=False)
    return "compiled as one full graph"


@contextmanager
def full_graphs(name: str) -> Iterator[None]:
    """Where compiled modules are called: what torch cannot compile as a full graph raises SpecError."""
    # Loaded by compiling anyway.
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import CppCompileError, InductorError

    try:
        # A change of the limits alone compiles nothing anew; suppressed errors would run eagerly.
        with torch._dynamo.config.patch(
            recompile_limit=RECOMPILES, accumulated_recompile_limit=RECOMPILES * 64, suppress_errors=False
        ):
            yield
    except (TorchDynamoException, InductorError, CppCompileError) as error:
        cause = getattr(error, "inner_exception", None) or error
        missing = _missing(cause)
        found = problems.nothing_to_compile_with(name, missing) if missing else None
        raise SpecError(found or problems.cannot_compile(name, first_line(cause))) from error


def _missing(error: BaseException) -> str | None:
    """What this machine lacks, if that is why there is no compiled code."""
    from torch._inductor.exc import InvalidCxxCompiler, TritonMissing

    if isinstance(error, InvalidCxxCompiler):
        return "C++ compiler"
    if isinstance(error, TritonMissing):
        return "Triton"
    # Triton's own words.
    return "C compiler, which Triton needs" if "Failed to find C compiler" in str(error) else None


def compiles_at_all() -> bool:
    """Whether torch.compile calls its backend at all."""
    compiled: list[bool] = []

    def backend(graph: Any, _: Any) -> Callable[..., Any]:
        compiled.append(True)
        return graph.forward  # type: ignore[no-any-return]

    def add_one(x: torch.Tensor) -> torch.Tensor:
        return x + 1

    # New code each time: on code that it knows, torch reaches its recompile limit after a few probes.
    probe = FunctionType(add_one.__code__.replace(), globals())
    torch.compile(probe, backend=backend)(torch.zeros(1))
    return bool(compiled)
