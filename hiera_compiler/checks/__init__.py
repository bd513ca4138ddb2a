"""Rules across fields: what a well-formed spec must also satisfy to mean a model.

One function, one rule, one code. A rule takes the spec and its source and yields what it finds. The later
tuples may rely on the earlier ones having found nothing.
"""

from __future__ import annotations

from hiera_compiler.checks.graph import GRAPH_RULES, lowering_failed
from hiera_compiler.checks.stage import AXIS_RULES, STAGE_RULES
from hiera_compiler.checks.trunk import TRUNK_RULES
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.ir import Graph
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec

__all__ = ["check_graph", "check_spec", "lowering_failed"]


def check_spec(spec: Spec, source: Source) -> list[Diagnostic]:
    """What the rules find in a spec, before it is lowered."""
    found = [diagnostic for rule in (*AXIS_RULES, *STAGE_RULES) for diagnostic in rule(spec, source)]
    if not found:
        found = [diagnostic for rule in TRUNK_RULES for diagnostic in rule(spec.resolved(), source)]
    return found


def check_graph(graph: Graph, source: Source) -> list[Diagnostic]:
    """What the rules find in a graph, before anything is allocated."""
    return [diagnostic for rule in GRAPH_RULES for diagnostic in rule(graph, source)]
