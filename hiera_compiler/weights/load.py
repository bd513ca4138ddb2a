"""Weights from a file into a module."""

from __future__ import annotations

from collections.abc import Iterable
from math import isqrt
from os import PathLike, fspath

import torch
from torch import Tensor, nn

from hiera_compiler.emit.prelude import initialise
from hiera_compiler.ir import Graph
from hiera_compiler.weights.architecture import TOKENS, norms_tokens, table_grids
from hiera_compiler.weights.files import read
from hiera_compiler.weights.match import PooledAgain, match
from hiera_compiler.weights.positions import Grid
from hiera_compiler.weights.renamed import Tensors
from hiera_compiler.weights.report import LoadReport


def load_weights(
    module: nn.Module,
    file: str | PathLike[str],
    graph: Graph | None = None,
    device: torch.device | str = "cpu",
    pooled_again: PooledAgain | None = None,
) -> LoadReport:
    """What was loaded from a checkpoint file into a compiled spec's module, in place.

    The file is safetensors, or of ``torch.save`` (nothing in it is run), in the key layout of the authors of Hiera,
    SAM 2, MViTv2, Swin, VideoMAE or MAE, of timm, transformers or torchvision, pretraining files included. Position
    tables of another size are interpolated to the grids of ``graph``, or to square ones where it is not given, but
    for those of relative positions, which then must fit; a head for another number of classes is skipped, and what
    is missing of norm, neck and head keeps its values. A module on the meta device gets its weights on ``device``,
    those that the file lacks with the reference's initial values. Of a masked autoencoder may be missing
    ``pooled_again`` too, the weights of a pooling that is left out while pretraining, or have the shapes given there.

    Raises SpecError where the file cannot be read or holds another architecture; the module is then unchanged.
    """
    name = fspath(file)
    return load_tensors(module, name, read(name), graph, device, pooled_again)


def load_tensors(
    module: nn.Module,
    name: str,
    candidates: Iterable[Tensors],
    graph: Graph | None,
    device: torch.device | str = "cpu",
    pooled_again: PooledAgain | None = None,
) -> LoadReport:
    """The same for state dicts, of which the first in a known layout is taken; messages call them ``name``."""
    expected = module.state_dict()
    before = graph is not None and norms_tokens(graph)
    found = match(name, candidates, expected, _grids(expected, graph), pooled_again, norms_tokens=before)
    on_meta = any(weight.is_meta for weight in expected.values())
    values = found.values
    if on_meta:
        fill_buffers(module, device)
        _initialise(module, (*found.report.missing, *found.report.skipped), device)
        # Copied out of the file's mapping, so that the file may change or go while the module lives.
        values = {name: _copied(value, expected[name].dtype, device) for name, value in values.items()}
    module.load_state_dict(values, strict=False, assign=on_meta)
    return found.report


def _copied(value: Tensor, dtype: torch.dtype, device: torch.device | str) -> Tensor:
    return value.to(device, dtype, copy=True, memory_format=torch.contiguous_format)


def _grids(expected: dict[str, Tensor], graph: Graph | None) -> dict[str, Grid]:
    """The grid of each position table; without a graph, those that can be square."""
    if graph is not None:
        return table_grids(graph)
    grids: dict[str, Grid] = {}
    for name, weight in expected.items():
        if name.startswith("pos_embed") and name not in TOKENS and weight.ndim == 3:
            rows = weight.shape[1]
            side = isqrt(rows)
            if name == "pos_embed_temporal":
                grids[name] = (rows, 1, 1)
            elif side * side == rows:
                grids[name] = (side, side)
    return grids


def fill_buffers(module: nn.Module, device: torch.device | str) -> None:
    """Fixed tables, which no file holds, in place of those on the meta device."""
    for layer in module.modules():
        if callable(fill := getattr(layer, "init_buffers", None)):
            layer.to_empty(device=device, recurse=False)
            fill()


def _initialise(module: nn.Module, names: tuple[str, ...], device: torch.device | str) -> None:
    """The reference's initial values for the layers on the meta device that hold these weights."""
    owners = {name.rpartition(".")[0]: module.get_submodule(name.rpartition(".")[0]) for name in names}
    for layer in owners.values():
        layer.to_empty(device=device, recurse=False)
        if callable(reset := getattr(layer, "reset_parameters", None)) and not isinstance(layer, nn.Linear):
            # The reference leaves as torch makes it what it does not set: a norm's scale, a convolution's bias.
            reset()
    head = owners.get("head.projection")
    initialise(nn.ModuleList(owners.values()), head if isinstance(head, nn.Linear) else None)
