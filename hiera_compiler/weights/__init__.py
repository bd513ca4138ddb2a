"""Checkpoint files into modules: key layouts, position tables of other sizes, and what did not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hiera_compiler.weights.load import load_weights
    from hiera_compiler.weights.report import LoadReport, Resized

__all__ = ["LoadReport", "Resized", "load_weights"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: the codes of this package can be explained without torch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hiera_compiler.weights import load, report

    return getattr(load if name == "load_weights" else report, name)
