"""Emitted text to a class that Python can run."""

from __future__ import annotations

import hashlib
import linecache
import sys
from functools import cache
from importlib.resources import files
from types import ModuleType

from torch import nn

MARKER = "# --- the prelude starts here ---"


def prelude_source(masked: bool = False) -> str:
    """The functions that emitted models call, as text, with the imports that they need; of ``masked`` ones too."""
    imports, functions = _parts("prelude.py")
    if masked:
        _, more = _parts("masked.py")
        imports = imports.replace("\nimport torch\n", "from math import pi\n\nimport torch\n")
        functions = f"{functions}\n\n\n{more}"
    return f"from __future__{imports}\n\n\n{functions}\n"


def _parts(name: str) -> tuple[str, str]:
    """The imports of a prelude, and its functions."""
    text = (files("hiera_compiler.emit") / name).read_text(encoding="utf-8")
    _docstring, rest = text.split("from __future__", 1)
    imports, functions = rest.split(MARKER, 1)
    return imports.rstrip(), functions.strip()


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
    exec(compile(source, filename, "exec"), module.__dict__)
    return module
