"""A compiler from declarative architecture specs to fast, verified Hiera models.

>>> import hiera_compiler as hc
>>> hc.compile("hiera_b").cost.params
51524968
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hiera_compiler.bundled import names as bundled_specs
    from hiera_compiler.diagnostics import Diagnostic, SpecError
    from hiera_compiler.estimate import Cost
    from hiera_compiler.ir import Graph
    from hiera_compiler.pipeline import Compilation, compile
    from hiera_compiler.spec import Spec, json_schema
    from hiera_compiler.weights import load_weights

_HOMES = {
    "Compilation": "hiera_compiler.pipeline",
    "Cost": "hiera_compiler.estimate",
    "Diagnostic": "hiera_compiler.diagnostics",
    "Graph": "hiera_compiler.ir",
    "Spec": "hiera_compiler.spec",
    "SpecError": "hiera_compiler.diagnostics",
    "bundled_specs": "hiera_compiler.bundled:names",
    "compile": "hiera_compiler.pipeline",
    "json_schema": "hiera_compiler.spec",
    "load_weights": "hiera_compiler.weights",
}

__all__ = [
    "Compilation",
    "Cost",
    "Diagnostic",
    "Graph",
    "Spec",
    "SpecError",
    "bundled_specs",
    "compile",
    "json_schema",
    "load_weights",
]


def __getattr__(name: str) -> Any:
    # Imported when first asked for, so that the command line starts without what a command does not need.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(import_module(module), attribute or name)
    globals()[name] = value
    return value
