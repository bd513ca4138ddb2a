"""What PyTorch's compiler makes of the calls: products, convolutions and attention stay calls, the rest is fused.

A simulation of Inductor's scheduling, not of its code generation: element-wise functions, reductions and copies
that depend on each other and range over equally many elements become one kernel, which reads what comes from
outside once and writes what is used outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hiera_compiler.estimate.kernel import ISSUED, KINDS, Kernel, kernel, touched
from hiera_compiler.estimate.tape import Call
from hiera_compiler.estimate.tensor import Tensor

EXTERNAL = {"addmm", "mm", "bmm", "baddbmm", "attention", "convolution"}
ORDER = ("softmax", "norm", "reduction", "element-wise", "cast", "copy")
"""A fused kernel is called after the first of these kinds that it has a call of."""


@dataclass
class _Group:
    """Calls that become one kernel."""

    level: int
    elements: int
    calls: list[Call] = field(default_factory=list)
    outside: dict[int, Tensor] = field(default_factory=dict)


def fuse(calls: Sequence[Call], batch: int, kept: Iterable[int] = ()) -> list[Kernel]:
    """The kernels of the compiled calls; `kept` names the memory that is used after the last call."""
    groups: list[_Group | Call] = []
    home: dict[int, _Group | None] = {}
    levels: dict[int, int] = {}
    for call in calls:
        level = max((levels.get(x.source, 0) for x in call.reads), default=0)
        target = call.writes[0].source
        if call.name in EXTERNAL:
            levels[target] = max(level + 1, levels.get(target, 0))
            home[target] = None
            groups.append(call)
            continue
        levels[target] = max(level, levels.get(target, 0))
        group = _joinable(call, level, home)
        if group is None:
            group = _Group(level, _elements(call))
            groups.append(group)
        group.calls.append(call)
        home[target] = group
    users = _users(groups, kept)
    return [
        kernel(entry, batch) if isinstance(entry, Call) else _fused(entry, users, batch)
        for entry in groups
        if isinstance(entry, Call) or entry.calls
    ]


def _elements(call: Call) -> int:
    """How many elements a kernel of this call ranges over."""
    return max(x.elements for x in (*call.reads, *call.writes) if not x.fixed or all(y.fixed for y in call.reads))


def _joinable(call: Call, level: int, home: dict[int, _Group | None]) -> _Group | None:
    for x in call.reads:
        group = home.get(x.source)
        if group is not None and group.level == level and group.elements == _elements(call):
            return group
    return None


def _users(groups: Sequence[_Group | Call], kept: Iterable[int]) -> dict[int, set[int]]:
    """For each piece of memory, the entries that read it."""
    users: dict[int, set[int]] = {source: {-1} for source in kept}
    for entry in groups:
        for call in [entry] if isinstance(entry, Call) else entry.calls:
            for x in call.reads:
                users.setdefault(x.source, set()).add(id(entry))
    return users


def _fused(group: _Group, users: dict[int, set[int]], batch: int) -> Kernel:
    own = {call.writes[0].source for call in group.calls}
    reads: dict[int, Tensor] = {}
    for call in group.calls:
        for x in call.reads:
            if x.source not in own and (x.source not in reads or touched(x) > touched(reads[x.source])):
                reads[x.source] = x
    writes = {
        call.writes[0].source: call.writes[0]
        for call in group.calls
        if users.get(call.writes[0].source, {-1}) - {id(group)}
    }
    traffic = [*reads.values(), *writes.values()]
    kinds = {KINDS.get(call.name, "element-wise") for call in group.calls}
    fixed = all(call.writes[0].fixed for call in group.calls)
    issued = sum(_instructions(call) * _elements(call) for call in group.calls)
    return Kernel(
        kind=next(kind for kind in ORDER if kind in kinds),
        node=group.calls[-1].node,
        dtype=group.calls[0].reads[0].dtype,
        moved=sum(touched(x) for x in traffic if not x.fixed) / batch,
        moved_fixed=sum(touched(x) for x in traffic if x.fixed),
        issued=0.0 if fixed else issued / batch,
        issued_fixed=issued if fixed else 0.0,
    )


def _instructions(call: Call) -> float:
    """Index arithmetic is shared by a fused kernel's calls, so that copies and casts cost a move."""
    return ISSUED.get(call.name, 2.0 + 2.0 * len(call.reads))
