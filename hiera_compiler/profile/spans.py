"""Names around the parts of a model while it runs, put there from outside: no model has code for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn
from torch.profiler import record_function

SEPARATOR = ": "
"""Between the stage and the part, in the name of a span."""

_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)


def parts(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The parts that are timed, by name: what is in a container, and all else that the model holds itself."""
    for name, child in module.named_children():
        path = f"{prefix}.{name}" if prefix else name
        holds_blocks = isinstance(getattr(child, "blocks", None), nn.Module)
        if isinstance(child, _CONTAINERS) or holds_blocks or any(map(_is_list, child.children())):
            yield from parts(child, path)
        else:
            yield path, child


def _is_list(module: nn.Module) -> bool:
    return isinstance(module, nn.ModuleList)


def stage_of(part: str) -> str:
    """The stage of a part of a model that says nothing of stages: the names up to the first number."""
    names = part.split(".")
    numbers = [index for index, name in enumerate(names) if name.isdigit()]
    if not numbers:
        return names[0]
    # `blocks.3` is one of many alike, `stages.3.blocks.1` belongs to a stage of its own.
    alike = numbers[0] == len(names) - 1 and names[0] not in {"stages", "layers"}
    return names[0] if alike else ".".join(names[:2])


@contextmanager
def named(module: nn.Module, stages: Mapping[str, str]) -> Iterator[None]:
    """While it lasts, parts of the module are spans ``stage: part`` in torch.profiler's traces.

    ``stages`` gives the stage of each part to be named; where it is empty, all parts are, by their paths.
    """
    found = {name: part for name, part in parts(module) if name in stages or not stages}
    with ExitStack() as stack:
        for name, part in found.items():
            _name(stack, part, f"{stages.get(name) or stage_of(name)}{SEPARATOR}{name}")
        yield


def _name(stack: ExitStack, part: nn.Module, name: str) -> None:
    compiled = part._compiled_call_impl
    if compiled is not None:
        # Hooks would be compiled with the part, and break its graph.
        part._compiled_call_impl = _recorded(compiled, name)
        stack.callback(setattr, part, "_compiled_call_impl", compiled)
        return
    open_spans: list[Any] = []

    def enter(*_: Any) -> None:
        span = record_function(name)
        span.__enter__()
        open_spans.append(span)

    def leave(*_: Any) -> None:
        if open_spans:
            open_spans.pop().__exit__(None, None, None)

    stack.callback(part.register_forward_pre_hook(enter).remove)
    stack.callback(part.register_forward_hook(leave, always_call=True).remove)


def _recorded(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with record_function(name):
            return call(*args, **kwargs)

    return run
