"""Other people's models in the same tables: ``timm:NAME``, and ``module:FILE.py:FACTORY``.

``module:`` runs a Python file of the user's, by explicit request on the command line or in a call. Nothing in a
spec leads here.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.profile import problems
from hiera_compiler.profile.subject import Subject, first_line

INPUT_SHAPE = (3, 224, 224)
"""What a module that states no ``input_shape`` is given."""


def peer(target: str) -> Subject:
    """The peer of that name, built once on the meta device to see that it can be. Raises SpecError."""
    return _from_timm(target) if target.startswith("timm:") else _from_file(target)


def _from_timm(target: str) -> Subject:
    name = target.removeprefix("timm:")
    timm = _timm()
    if not timm.is_model(name):
        raise SpecError(problems.unknown_timm_model(name, timm.list_models()))

    def build(device: torch.device) -> nn.Module:
        if device.type == "meta":
            try:
                with device:
                    return timm.create_model(name, pretrained=False)  # type: ignore[no-any-return]
            except (RuntimeError, NotImplementedError):
                pass  # some models look at values while they are built
        return timm.create_model(name, pretrained=False).to(device)  # type: ignore[no-any-return]

    config = timm.get_pretrained_cfg(name)
    shape = tuple(config.input_size) if config is not None else INPUT_SHAPE
    return Subject(target, shape, build)


def _timm() -> Any:
    try:
        _let_torchvision_import()
        return importlib.import_module("timm")
    except (ImportError, RuntimeError, OSError) as error:
        raise SpecError(problems.timm_missing(first_line(error))) from error


@functools.cache
def _let_torchvision_import() -> torch.library.Library | None:
    """Declare the two operators that torchvision extends without asking, where its own do not load.

    The wheel of the package index is linked against CUDA. Beside a torch for CPUs alone its operators are
    missing, and importing it fails at these two; no classifier calls them. The cache keeps the library alive:
    torch withdraws what a collected one declared.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return None
    compiled = [path for path in Path(found.origin).parent.glob("_C.*") if path.suffix in {".so", ".pyd"}]
    try:
        for path in compiled:
            torch.ops.load_library(path)
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, operator):
                library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    return None


def _from_file(target: str) -> Subject:
    path, _, factory = target.removeprefix("module:").rpartition(":")
    if not path or not factory.isidentifier():
        raise SpecError(problems.not_a_factory(target, "it is not of the form module:FILE.py:FACTORY"))
    make = _factory(target, Path(path), factory)

    def build(device: torch.device) -> nn.Module:
        try:
            module = make()
        except (Exception, SystemExit) as error:
            reason = f"{factory}() raised {type(error).__name__}: {first_line(error)}"
            raise SpecError(problems.not_a_factory(target, reason)) from error
        if not isinstance(module, nn.Module):
            reason = f"{factory}() gave {type(module).__name__}, not a torch module"
            raise SpecError(problems.not_a_factory(target, reason))
        return module.to(device)

    shape = getattr(build(torch.device("cpu")), "input_shape", INPUT_SHAPE)
    if not isinstance(shape, list | tuple) or not all(isinstance(size, int) and size > 0 for size in shape):
        reason = f"its input_shape is {str(shape)[:80]}, not the sizes of one sample, such as (3, 224, 224)"
        raise SpecError(problems.not_a_factory(target, reason))
    return Subject(factory, tuple(shape), build)


def _factory(target: str, path: Path, name: str) -> Any:
    if not path.is_file():
        raise SpecError(problems.not_a_factory(target, f"there is no file {path}"))
    found = importlib.util.spec_from_file_location(f"hiera_peer_{path.stem}", path)
    if found is None or found.loader is None:
        raise SpecError(problems.not_a_factory(target, f"{path} is no Python file"))
    module = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script that parses arguments ends the process
        reason = f"{path} raised {type(error).__name__}: {first_line(error)}"
        raise SpecError(problems.not_a_factory(target, reason)) from error
    make = getattr(module, name, None)
    if not callable(make):
        raise SpecError(problems.not_a_factory(target, f"{path} has no function {name}"))
    return make
