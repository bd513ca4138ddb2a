"""Rules across fields: what a well-formed spec must also satisfy to mean a model.

One function, one rule, one code. A rule takes the spec and its source and yields what it finds. All see the
resolved spec but those on its axes, which say whether it can be resolved. Those on the token grid may rely on
there being one.
"""

from __future__ import annotations

from hiera_compiler.checks.graph import GRAPH_RULES, lowering_failed
from hiera_compiler.checks.stage import AXIS_RULES, STAGE_RULES
from hiera_compiler.checks.trunk import GRID_RULES, PATCH_RULES, POOL_RULES
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.ir import Graph
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec

__all__ = ["check_graph", "check_spec", "lowering_failed"]


def check_spec(spec: Spec, source: Source) -> list[Diagnostic]:
    """What the rules find in a spec, before it is lowered."""
    found = [diagnostic for rule in AXIS_RULES for diagnostic in rule(spec, source)]
    if found:
        return found
    spec = spec.resolved()
    found = [diagnostic for rule in PATCH_RULES for diagnostic in rule(spec, source)]
    rest = (*STAGE_RULES, *POOL_RULES) if found else (*STAGE_RULES, *POOL_RULES, *GRID_RULES)
    return found + [diagnostic for rule in rest for diagnostic in rule(spec, source)]


def check_graph(graph: Graph, source: Source) -> list[Diagnostic]:
    """What the rules find in a graph, before anything is allocated."""
    return [diagnostic for rule in GRAPH_RULES for diagnostic in rule(graph, source)]
