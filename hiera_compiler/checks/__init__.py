"""Rules across fields: what a well-formed spec must also satisfy to mean a model.

One function, one rule, one code. A rule takes what it is about and the source, and yields what it finds. All see
the resolved spec but those on its axes, which say whether it can be resolved. Each has a scope, and reads nothing
else: the axes, one stage, the trunk (all but the stages, of which it sees how they pool), masking (which looks at each
stage by itself, as the axes do), or all blocks together. Those on the token grid may rely on there being one, those on
the levels of a neck on the maps of all stages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from hiera_compiler.checks.axes import AXIS_RULES
from hiera_compiler.checks.graph import GRAPH_RULES, MAX_PARAMETERS, block_refused, lowering_failed
from hiera_compiler.checks.mae import MAE_RULES
from hiera_compiler.checks.masking import MASKING_RULES
from hiera_compiler.checks.neck import LEVEL_RULES, NECK_RULES
from hiera_compiler.checks.pooling import POOL_RULES
from hiera_compiler.checks.stage import STAGE_RULES
from hiera_compiler.checks.trunk import DEPTH_RULES, GRID_RULES, MAX_BLOCKS, PATCH_RULES
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.ir import Graph
from hiera_compiler.ir.builder import LoweringError
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec, Stage

__all__ = [
    "BLOCK_LIMIT",
    "LOWERING",
    "PARAMETER_LIMIT",
    "Found",
    "Limit",
    "check_axes",
    "check_graph",
    "check_lowering",
    "check_mae",
    "check_masking",
    "check_spec",
    "check_stage",
    "check_trunk",
]

_ORDER: tuple[Any, ...] = (
    *(*AXIS_RULES, *PATCH_RULES, *STAGE_RULES, *POOL_RULES, *DEPTH_RULES, *GRID_RULES),
    *(*NECK_RULES, *LEVEL_RULES, *MASKING_RULES, *MAE_RULES),
)
"""The rules on a spec in the order in which what they find is reported."""


class Found(NamedTuple):
    """What a rule found, and its rule's place in the order of all."""

    rank: int
    diagnostic: Diagnostic


class Limit(NamedTuple):
    """A rule on a sum over blocks: the place in the order of all, the code, and the largest sum that passes."""

    rank: int
    code: str
    most: int


BLOCK_LIMIT = Limit(_ORDER.index(DEPTH_RULES[0]), "H311", MAX_BLOCKS)
LOWERING = len(_ORDER)
"""The rank of what lowering finds, after all rules on a spec."""
PARAMETER_LIMIT = Limit(LOWERING + 1, "H402", MAX_PARAMETERS)


def check_spec(spec: Spec, source: Source) -> list[Diagnostic]:
    """What the rules find in a spec, before it is lowered."""
    found = check_axes(spec, source)
    if not found:
        spec = spec.resolved()
        found = check_trunk(spec, source) + check_masking(spec, source) + _found(DEPTH_RULES, spec, source)
        for index, stage in enumerate(spec.stages):
            found += check_stage(stage, index, source)
    return [diagnostic for _, diagnostic in sorted(found, key=lambda each: each.rank)]


def check_axes(spec: Spec, source: Source) -> list[Found]:
    """What hinders a spec from being resolved; each extent is looked at by itself."""
    return _found(AXIS_RULES, spec, source)


def check_trunk(spec: Spec, source: Source) -> list[Found]:
    """What the rules on the trunk of a resolved spec find."""
    found = _found(PATCH_RULES, spec, source)
    found += _found(POOL_RULES if found else (*POOL_RULES, *GRID_RULES), spec, source)
    neck = _found(NECK_RULES, spec, source)
    found += neck if found or neck else _found(LEVEL_RULES, spec, source)
    return found + (_found(MAE_RULES, spec, source) if spec.mae is not None else [])


def check_masking(spec: Spec, source: Source) -> list[Found]:
    """What keeps a resolved spec that says how it pretrains from it; each stage is looked at by itself."""
    return _found(MASKING_RULES, spec, source) if spec.mae is not None else []


def check_mae(spec: Spec, source: Source) -> list[Diagnostic]:
    """What the rules on masked autoencoding find in a resolved spec, also in one that does not say how."""
    return [diagnostic for _, diagnostic in _found((*MASKING_RULES, *MAE_RULES), spec, source)]


def check_stage(stage: Stage, index: int, source: Source) -> list[Found]:
    """What the rules on one resolved stage find."""
    return _found(STAGE_RULES, stage, index, source)


def check_graph(graph: Graph, source: Source) -> list[Diagnostic]:
    """What the rules find in a graph, before anything is allocated."""
    return [diagnostic for rule in GRAPH_RULES for diagnostic in rule(graph, source)]


def check_lowering(error: LoweringError, source: Source) -> Diagnostic:
    """What is said where a spec that passed the rules could not be lowered."""
    return (block_refused if error.help else lowering_failed)(error, source)


def _found(rules: Iterable[Any], *given: object) -> list[Found]:
    return [Found(_ORDER.index(rule), diagnostic) for rule in rules for diagnostic in rule(*given)]
