"""What a model makes of what it is given, in Python: pixels and masks are checked, dropped units are hidden."""

from __future__ import annotations

from math import prod

from hiera_compiler.ir import Graph, Input, PatchEmbed, ToUnits, UnitLayout


def input_check(graph: Graph) -> str:
    """The statement that refuses pixels of another shape."""
    return f"require_input(pixels, {next(node.shape for node in graph if isinstance(node.op, Input))})"


def mask_check(graph: Graph) -> str:
    """The assignment of the mask units that a mask keeps, or of None without one; other masks are refused."""
    units = prod(_layout(graph).units)
    return f"kept = None if mask is None else kept_by(mask, pixels, {units}, {units})"


def hiding(graph: Graph) -> str:
    """The assignment that sets the pixels of dropped mask units to zero."""
    layout = _layout(graph)
    strides = next(node.op.stride for node in graph if isinstance(node.op, PatchEmbed))
    sides = tuple(side * stride for side, stride in zip(layout.unit, strides, strict=True))
    return f"pixels = hide_units(pixels, kept, {layout.units}, {sides})"


def _layout(graph: Graph) -> UnitLayout:
    """The mask units of the input."""
    return next(node.op.layout for node in graph if isinstance(node.op, ToUnits))
