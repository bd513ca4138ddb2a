"""Emitted text to a class that Python can run."""

from __future__ import annotations

import hashlib
import linecache
import sys
from functools import cache
from types import ModuleType

from torch import nn

from hiera_compiler.emit.library import carried
from hiera_compiler.kinds.packages import CARRIED


def load_class(source: str, name: str) -> type[nn.Module]:
    """The model class of an emitted file.

    Equal sources give the same class, so that compiled code is shared between equal models and only
    between those: each distinct model has code objects, and so a recompile limit, of its own.
    """
    module = _module(source)
    found = getattr(module, name)
    assert isinstance(found, type)
    assert issubclass(found, nn.Module)
    return found


@cache
def _module(source: str) -> ModuleType:
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    name = f"hiera_compiler.emitted.model_{digest}"
    filename = f"<{name}>"
    module = ModuleType(name)
    # Registered, so that instances can be pickled within a process and its forks, and their source shown.
    sys.modules[name] = module
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    vars(module)[CARRIED] = carried(source)
    exec(compile(source, filename, "exec"), module.__dict__)
    return module
