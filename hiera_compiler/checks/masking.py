"""H34x: rules on what must be there for mask units to be dropped.

They see the resolved spec; of the stages each is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from hiera_compiler.diagnostics import Diagnostic, Label, code, times
from hiera_compiler.ir import ShapeError
from hiera_compiler.kinds.attention.global_attention import GlobalAttention
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import token_grid, total_stride


@code("H344")
def mask_units_are_there(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Masked autoencoding drops whole mask units, so a spec needs them.

    A model whose `mask_unit` is `none` has all its tokens in one unit, which could only be kept or dropped as a whole.
    Where there are mask units, there is neither a class token nor attention in windows.
    """
    if spec.mask_unit is None:
        yield Diagnostic(
            "H344",
            "masked autoencoding drops mask units, and the spec has none",
            (Label(source.value(("mask_unit",)), "the whole grid is one unit"),),
            help=f"use {_what_mask_units_need(spec)}, or {_without_it(spec)}",
        )


@code("H345")
def attention_can_do_without_dropped_units(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Attention that tells places on the whole grid apart cannot do without the mask units that are dropped.

    Decomposed relative positions across mask units measure distances on the whole grid, in the order of all its units;
    inside mask units they measure those in a unit, and mask as all attention there does.
    """
    for index, stage in enumerate(spec.stages):
        kinds = (stage.attention, *([GlobalAttention.like(stage.attention)] if stage.global_at else []))
        if not all(kind.masks for kind in kinds):
            yield Diagnostic(
                "H345",
                "masked autoencoding drops mask units, and relative positions across units need all of them",
                (Label(source.value(("stages", index, "attention")), "measures distances on the whole grid"),),
                help=f"use relative: none, attention: mask_unit, or {_without_it(spec)}",
            )


def _what_mask_units_need(spec: Spec) -> str:
    """The smallest mask units that can be pooled, and what else has to change for them."""
    unit = total_stride(spec, spec.stages)
    needed = [f"mask_unit: {list(unit)}"]
    try:
        if any(side % step for side, step in zip(token_grid(spec), unit, strict=True)):
            needed = [f"an input of whole mask units of {times(unit)} tokens", *needed]
    except ShapeError:
        pass  # Another rule says that the patch kernel does not fit the input.
    if spec.class_token:
        needed.append("class_token: false")
    if spec.head is not None and spec.head.pooling == "class_token":
        needed.append("head.pooling: mean")
    if any(stage.attention.mask_units is False for stage in spec.stages):
        needed.append("attention: mask_unit in place of windows")
    *others, last = needed
    return f"{', '.join(others)} and {last}" if others else last


def _without_it(spec: Spec) -> str:
    """How to do without masked autoencoding: the spec asks for it, or the task does."""
    return "leave out mae" if spec.mae is not None else "leave out the task mae"


MASKING_RULES = (mask_units_are_there, attention_can_do_without_dropped_units)
