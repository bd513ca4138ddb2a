"""How the primitives of masked autoencoding are written in Python, in the same way as in ``rules``."""

from __future__ import annotations

from typing import Any

from hiera_compiler.emit import rules
from hiera_compiler.emit.rules import Call, Constructor
from hiera_compiler.ir import Op
from hiera_compiler.ir.masking import AddKept, LastTokens, MaskedTokens, PatchEmbedKept, UnitConv
from hiera_compiler.ir.target import Gradients, Patches, SquaredError, Standardise


def _unit_conv(op: UnitConv) -> str:
    return f"nn.Conv{len(op.kernel)}d({op.in_channels}, {op.out_channels}, {op.kernel}, {op.kernel})"


def _gradients(op: Any, own: str, x: str) -> str:
    return f"oriented_gradients({x}, {op.grid}, {op.patch}, {op.frame_step}, {op.bins}, {op.cell}, norm={op.norm})"


CONSTRUCTORS: dict[type[Op], Constructor] = rules.CONSTRUCTORS | {
    PatchEmbedKept: lambda op: rules.CONSTRUCTORS[type(op.embed)](op.embed),
    UnitConv: _unit_conv,
}
"""The module (or parameter) of primitives that have one, those of masked autoencoding too."""

CALLS: dict[type[Op], Call] = rules.CALLS | {
    PatchEmbedKept: lambda op, own, x: f"embed_kept({x}, kept, {own}, {op.layout.units}, {op.layout.folds})",
    AddKept: lambda op, own, x, table: f"add_kept({x}, {table}, kept)",
    UnitConv: lambda op, own, x: f"unit_conv({x}, {own}, {op.folds})",
    MaskedTokens: lambda op, own, x: f"take_rows({x}, masked)",
    LastTokens: lambda op, own, x: f"{x}[:, :, seen:]",
    Patches: lambda op, own, x: f"cut_patches({x}, {op.grid}, {op.patch}, {op.frame_step})",
    Standardise: lambda op, own, x: f"standardise({x})",
    Gradients: _gradients,
    SquaredError: lambda op, own, x, y: f"({x} - {y}).square().mean()",
}
"""The expression that computes a primitive; ``kept``, ``masked`` and ``seen`` are variables of where it stands.

How many units are kept is their number, and not that of the graph: a mask may keep others than the mask ratio says.
"""
