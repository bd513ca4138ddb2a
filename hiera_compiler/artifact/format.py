"""What an export format is, and finding them: every module of the folder, then those of other packages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, ClassVar

from hiera_compiler.artifact import problems
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.pipeline import Compilation

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from torch.export import ExportedProgram

    from hiera_compiler.artifact.verify import Function, Inputs

FOLDER = "hiera_compiler.artifact.formats"


@dataclass(frozen=True)
class Model:
    """What a format writes: a model in evaluation mode, with its compilation and its weights' file."""

    compilation: Compilation
    module: nn.Module
    weights: Path
    example: Inputs
    """Inputs of two samples: exporters take a batch of one for a constant."""

    @cached_property
    def program(self) -> ExportedProgram:
        """The model as torch traces it, with its weights and a batch of any size."""
        import torch

        with torch.no_grad():
            batch = torch.export.Dim("batch", min=1)
            return torch.export.export(
                self.module, self.example, dynamic_shapes=tuple({0: batch} for _ in self.example)
            )


class Format(ABC):
    """A way to write a model, and to read it back; what was read back is compared with the eager model."""

    file: ClassVar[str]
    """The name of the file."""
    holds_weights: ClassVar[bool] = True
    tolerance: ClassVar[float] = 1e-5
    packages: ClassVar[tuple[str, ...]] = ()
    """The import names of what it needs beyond torch, which the extra of the format's own name installs."""

    @abstractmethod
    def write(self, model: Model, file: Path) -> None:
        """Write the file, and others beside it whose names start with its name."""

    @abstractmethod
    def load(self, model: Model, file: Path) -> Function:
        """The model in the file, from inputs of any batch to its outputs; not from ``model.module``."""


@cache
def modules() -> dict[str, str]:
    """The module of each format by the format's name, ours first."""
    package = import_module(FOLDER)
    ours = {info.name: f"{FOLDER}.{info.name}" for info in iter_modules(package.__path__)}
    others = {entry.name: entry.value for entry in entry_points(group="hiera_compiler.formats")}
    return ours | others


def formats(names: Iterable[str]) -> dict[str, Format]:
    """The named formats, each once; raises BuildError for unknown names and for packages that are missing."""
    wanted = list(dict.fromkeys(names))
    unknown = [problems.unknown_format(name, list(modules())) for name in wanted if name not in modules()]
    if unknown:
        raise BuildError(unknown)
    found = {name: _format(modules()[name]) for name in wanted}
    missing = [problem for name, format in found.items() if (problem := _missing(name, format))]
    if missing:
        raise BuildError(missing)
    return found


def _format(module_name: str) -> Format:
    """The one format that a module defines; others may be imported there."""
    values = vars(import_module(module_name)).values()
    kinds = [value for value in values if isinstance(value, type) and issubclass(value, Format)]
    (kind,) = (kind for kind in kinds if kind.__module__ == module_name)
    return kind()


def _missing(name: str, format: Format) -> Diagnostic | None:
    packages = [package for package in format.packages if find_spec(package) is None]
    return problems.packages_missing(name, name, packages) if packages else None
