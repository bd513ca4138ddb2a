"""What is measured: one of our compilations, or any other torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import torch
from torch import nn

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.kinds.packages import fault_of_others
from hiera_compiler.pipeline import Compilation
from hiera_compiler.profile import problems
from hiera_compiler.profile.count import Count, count

Build = Callable[[torch.device], nn.Module]
"""A new module on a device, with any weights: speed does not depend on them."""


@dataclass(frozen=True)
class Subject:
    """A model to profile; ``stages`` gives the stage of its parts where they have one."""

    name: str
    input_shape: tuple[int, ...]
    build: Build
    stages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, compilation: Compilation) -> Subject:
        """The model of a spec and its task. Raises SpecError where the spec has problems."""
        stages = {node.block: node.part for node in compilation.graph if node.block is not None}
        return cls(compilation.name, compilation.spec.input_shape, compilation.module, stages)

    @cached_property
    def count(self) -> Count:
        """What one pass of one sample does, in float32. Raises SpecError where the module cannot be traced."""
        meta = torch.device("meta")
        try:
            module = self.build(meta).eval()
            return count(module, torch.empty(1, *self.input_shape, device=meta))
        except SpecError:
            raise
        except Exception as error:
            found = fault_of_others(error) or problems.cannot_trace(self.name, first_line(error))
            raise SpecError(found) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's text, else its class."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
