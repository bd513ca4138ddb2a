"""Measured speed, memory and traces of models on the machine at hand. What needs torch is imported when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hiera_compiler.profile.peers import peer
    from hiera_compiler.profile.record import Measurement, Protocol, Run
    from hiera_compiler.profile.session import measure
    from hiera_compiler.profile.subject import Subject
    from hiera_compiler.profile.targets import is_peer
    from hiera_compiler.profile.traces import Traced, trace

_HOMES = {
    "Measurement": "record",
    "Protocol": "record",
    "Run": "record",
    "Subject": "subject",
    "is_peer": "targets",
    "measure": "session",
    "peer": "peers",
    "trace": "traces",
    "Traced": "traces",
}

__all__ = ["Measurement", "Protocol", "Run", "Subject", "Traced", "is_peer", "measure", "peer", "trace"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
