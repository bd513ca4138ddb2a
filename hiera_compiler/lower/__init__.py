"""Spec to graph: the only place that knows what a Hiera looks like."""

from hiera_compiler.lower.hiera import lower, unit_layout

__all__ = ["lower", "unit_layout"]
