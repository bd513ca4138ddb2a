"""H2xx: rules on one stage.

They see that one, resolved, and nothing else: so a search applies them once to each distinct stage.
"""

from __future__ import annotations

from collections.abc import Iterator

from hiera_compiler.diagnostics import Diagnostic, Label, any_of, code
from hiera_compiler.kinds import Pooling, kinds_of
from hiera_compiler.kinds.pool import KernelPooling
from hiera_compiler.source import Source
from hiera_compiler.spec import Stage
from hiera_compiler.spec.fields import Path


@code("H201")
def heads_divide_channels(stage: Stage, index: int, source: Source) -> Iterator[Diagnostic]:
    """The heads of a stage must divide its channels.

    Attention gives each head an equal slice of the channels. Hiera keeps the channels of a head constant
    by doubling the heads wherever the channels double.
    """
    if stage.channels % stage.heads:
        yield Diagnostic(
            "H201",
            f"{stage.heads} heads do not divide {stage.channels} channels",
            (
                Label(source.value(("stages", index, "heads")), f"{stage.heads} heads"),
                Label(source.value(("stages", index, "channels")), f"{stage.channels} channels"),
            ),
            help=f"use {any_of(nearest_divisors(stage.channels, stage.heads))} heads",
        )


def nearest_divisors(number: int, wanted: int) -> list[int]:
    """The divisors of a number that are nearest to what was wanted, three at most, in ascending order."""
    divisors = (divisor for divisor in range(1, number + 1) if number % divisor == 0)
    return sorted(sorted(divisors, key=lambda divisor: abs(divisor - wanted))[:3])


@code("H204")
def mlp_has_hidden_channels(stage: Stage, index: int, source: Source) -> Iterator[Diagnostic]:
    """The MLP of a block needs at least one hidden channel: channels times mlp_ratio, rounded down."""
    ratio = stage.mlp_ratio
    if ratio is not None and int(stage.channels * ratio) < 1:
        own = ("stages", index, "mlp_ratio")
        path = own if own in source.places else ("mlp_ratio",)
        yield Diagnostic(
            "H204",
            f"an mlp_ratio of {ratio:g} leaves {stage.channels} channels no hidden channel",
            (Label(source.value(path), f"{stage.channels} x {ratio:g} is less than 1"),),
            help=f"use an mlp_ratio of at least {least_ratio(stage.channels):g}; Hiera uses 4",
        )


def least_ratio(channels: int) -> float:
    """The smallest mlp_ratio of three decimals that gives so many channels a hidden channel."""
    return max(1, -(-1000 // channels)) / 1000


@code("H205")
def padding_is_at_most_half_the_kernel(stage: Stage, index: int, source: Source) -> Iterator[Diagnostic]:
    """The padding of a pooling is at most half its kernel, or some tokens would come of padding alone.

    A pooling of queries, keys or values that says no kernel has one of the stride that it gets: its padding is looked
    at where the block is made.
    """
    found: list[tuple[Path, Pooling]] = [] if stage.pool is None else [(("pool",), stage.pool)]
    found += [(path, pool) for path, pool in _inside_attention(stage) if getattr(pool, "kernel", None) is not None]
    for path, pool in found:
        if isinstance(pool, KernelPooling) and any(
            2 * pad > size for pad, size in zip(pool.border, pool.size, strict=True)
        ):
            yield Diagnostic(
                "H205",
                f"a padding of {list(pool.border)} is more than half the kernel of {list(pool.size)}",
                (Label(source.value(("stages", index, *path)), "makes tokens of padding alone"),),
                help=f"use a padding of at most {[size // 2 for size in pool.size]}",
            )


@code("H211")
def global_blocks_are_in_the_stage(stage: Stage, index: int, source: Source) -> Iterator[Diagnostic]:
    """The blocks that `global_at` names must be blocks of the stage, each once; the first one is 0."""
    for place, position in enumerate(stage.global_at):
        if position >= stage.depth or position in stage.global_at[:place]:
            beyond = position >= stage.depth
            yield Diagnostic(
                "H211",
                f"block {position} is beyond the {stage.depth} of the stage"
                if beyond
                else f"block {position} is named twice",
                (Label(source.value(("stages", index, "global_at", place)), "counted from 0"),),
                help=f"use numbers below {stage.depth}, counted from 0" if beyond else "name each block once",
            )
            return


@code("H212")
def queries_keys_and_values_are_pooled_inside_the_block(
    stage: Stage, index: int, source: Source
) -> Iterator[Diagnostic]:
    """Attention that pools its queries, keys or values needs a pooling that acts inside a block.

    Patch merging makes the tokens of a stage before its first block, with other channels.
    """
    inside = [name for name, kind in kinds_of("pool").items() if not getattr(kind, "before_block", False)]
    for path, pool in _inside_attention(stage):
        if pool.before_block:
            yield Diagnostic(
                "H212",
                f"{pool.kind} pooling acts before a block, and cannot pool queries, keys or values",
                (Label(source.value(("stages", index, *path)), "inside attention"),),
                help=f"use {any_of(inside)} here",
            )


def _inside_attention(stage: Stage) -> Iterator[tuple[Path, Pooling]]:
    """The poolings that are options of the stage's attention, and their places in the stage."""
    for option in type(stage.attention).model_fields:
        pool = getattr(stage.attention, option)
        if isinstance(pool, Pooling):
            yield ("attention", option), pool


STAGE_RULES = (
    heads_divide_channels,
    mlp_has_hidden_channels,
    global_blocks_are_in_the_stage,
    padding_is_at_most_half_the_kernel,
    queries_keys_and_values_are_pooled_inside_the_block,
)
