"""What PyTorch's compiler makes of the calls: products, convolutions and attention stay calls, the rest is fused.

A simulation of Inductor's scheduling, not of its code generation: element-wise functions, reductions and copies
that depend on each other and range over equally many elements become one kernel, which reads what comes from
outside once and writes what is used outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hiera_compiler.estimate.instructions import ISSUED
from hiera_compiler.estimate.kernel import KINDS, Kernel, kernel
from hiera_compiler.estimate.tape import Call
from hiera_compiler.estimate.traffic import ranged_over, read, touched

EXTERNAL = {"addmm", "mm", "bmm", "baddbmm", "attention", "convolution", "transposed_convolution", "custom"}
ORDER = ("softmax", "norm", "reduction", "element-wise", "cast", "copy")
"""A fused kernel is called after the first of these kinds that it has a call of."""


@dataclass(eq=False)
class _Group:
    """Calls that become one kernel."""

    level: int
    elements: int
    calls: list[Call] = field(default_factory=list)


Entry = _Group | Call


def fuse(calls: Sequence[Call], batch: int, kept: Iterable[int] = ()) -> list[Kernel]:
    """The kernels of the compiled calls; `kept` names the memory that is used after the last call."""
    entries = _scheduled(calls)
    users = _users(entries, kept)
    return [kernel(entry, batch) if isinstance(entry, Call) else _fused(entry, users, batch) for entry in entries]


def _scheduled(calls: Sequence[Call]) -> list[Entry]:
    """Calls in groups. Calls fuse at equal depth: with as many products, convolutions and attentions before them."""
    entries: list[Entry] = []
    levels: dict[int, int] = {}
    near: dict[int, list[_Group]] = {}
    for call in calls:
        level = max((levels.get(x.source, 0) for x in call.reads), default=0)
        target = call.writes[0].source
        if call.name in EXTERNAL:
            levels[target] = max(level + 1, levels.get(target, 0))
            entries.append(call)
            continue
        levels[target] = max(level, levels.get(target, 0))
        group = _Group(level, ranged_over(call), [call])
        known = [other for x in call.reads for other in near.get(x.source, ())]
        merged = {id(other): other for other in known if (other.level, other.elements) == (level, group.elements)}
        for other in merged.values():
            group.calls = other.calls + group.calls
            entries.remove(other)
        entries.append(group)
        for member in group.calls:
            for x in (*member.reads, member.writes[0]):
                if not x.fixed:
                    kept_near = [other for other in near.get(x.source, ()) if id(other) not in merged]
                    near[x.source] = [*kept_near, *([group] if group not in kept_near else [])]
    return entries


def _users(entries: Sequence[Entry], kept: Iterable[int]) -> dict[int, set[int]]:
    """For each piece of memory, the entries that read it."""
    users: dict[int, set[int]] = {source: {-1} for source in kept}
    for entry in entries:
        for call in [entry] if isinstance(entry, Call) else entry.calls:
            for x in call.reads:
                users.setdefault(x.source, set()).add(id(entry))
    return users


def _fused(group: _Group, users: dict[int, set[int]], batch: int) -> Kernel:
    own = {call.writes[0].source for call in group.calls}
    reads: dict[int, tuple[int, bool]] = {}
    for call in group.calls:
        for x, size in zip(call.reads, read(call), strict=True):
            if x.source not in own and (x.source not in reads or size > reads[x.source][0]):
                reads[x.source] = size, x.fixed
    written = {call.writes[0].source: call.writes[0] for call in group.calls}
    writes = [(touched(x), x.fixed) for source, x in written.items() if users.get(source, {-1}) - {id(group)}]
    traffic = [*reads.values(), *writes]
    kinds = {KINDS.get(call.name, "element-wise") for call in group.calls}
    fixed = all(call.writes[0].fixed for call in group.calls)
    issued = sum(_instructions(call) * ranged_over(call) for call in group.calls)
    return Kernel(
        kind=next(kind for kind in ORDER if kind in kinds),
        node=group.calls[-1].node,
        dtype=group.calls[0].reads[0].dtype,
        moved=sum(size for size, fixed in traffic if not fixed) / batch,
        moved_fixed=sum(size for size, fixed in traffic if fixed),
        issued=0.0 if fixed else issued / batch,
        issued_fixed=issued if fixed else 0.0,
    )


def _instructions(call: Call) -> float:
    """Index arithmetic is shared by a fused kernel's calls, so that copies and casts cost a move."""
    return ISSUED.get(call.name, 2.0 + 2.0 * len(call.reads))
