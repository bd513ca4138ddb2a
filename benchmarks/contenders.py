"""The models that are compared: ours, and those of the public packages that the tests compare with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn

import hiera_compiler as hc
from hiera_compiler.emit.compiled import compile_blocks
from tests.support import public_packages

OURS = "hiera-compiler"
_WORDS = {"hiera_t": "tiny", "hiera_s": "small", "hiera_b": "base", "hiera_l": "large"}

Build = Callable[[str], nn.Module]


def models(spec: str) -> dict[str, nn.Module]:
    """A new module of every package for a bundled 224-pixel spec, in evaluation mode, with random weights."""
    return {name: build(spec).eval() for name, build in _BUILDERS.items()}


def compiled(name: str, module: nn.Module) -> nn.Module:
    """The module compiled for fixed shapes: ours block by block, the others as one full graph."""
    if name == OURS:
        return compile_blocks(module)
    module.compile(fullgraph=True, dynamic=False)
    return module


def compiled_whole(module: nn.Module) -> nn.Module:
    """The module compiled as one full graph, every block by itself."""
    module.compile(fullgraph=True, dynamic=False)
    return module


def compiled_nested(module: nn.Module) -> nn.Module:
    """The module compiled as one full graph in which equal blocks are one region, compiled once."""
    classes: set[Any] = {type(block) for block in module.get_submodule("blocks").children()}
    for block_class in classes:
        _mark_as_region(block_class)
    return compiled_whole(module)


@cache
def _mark_as_region(block_class: Any) -> None:
    """Makes a region of a block class, once: the modules of one spec share their classes."""
    block_class.forward = torch.compiler.nested_compile_region(block_class.forward)


WAYS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "blocks": compile_blocks,
    "whole": compiled_whole,
    "nested": compiled_nested,
}
"""Ways to compile a module of ours; `blocks` is what the package does."""


def _ours(spec: str) -> nn.Module:
    return hc.compile(spec).module()


def _reference(spec: str) -> nn.Module:
    build: Any = getattr(public_packages.hiera_reference(), f"hiera_{_WORDS[spec]}_224")
    module: nn.Module = build(pretrained=False)
    return module


def _timm(spec: str) -> nn.Module:
    module: nn.Module = public_packages.timm().create_model(f"hiera_{_WORDS[spec]}_224")
    return module


def _transformers(spec: str) -> nn.Module:
    library = public_packages.transformers()
    stages = hc.compile(spec).spec.stages
    config = library.HieraConfig(
        embed_dim=stages[0].channels,
        num_heads=[stage.heads for stage in stages],
        depths=[stage.depth for stage in stages],
        num_labels=1000,
    )
    module: nn.Module = library.HieraForImageClassification(config)
    return module


_BUILDERS: dict[str, Build] = {
    OURS: _ours,
    "hiera-transformer": _reference,
    "timm": _timm,
    "transformers": _transformers,
}
