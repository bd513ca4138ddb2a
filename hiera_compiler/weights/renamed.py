"""A checkpoint's tensors under our names, cut as ours are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.weights import problems
from hiera_compiler.weights.layouts import BUFFERS, LAYOUTS, recognised
from hiera_compiler.weights.positions import Grid, grid_of

Tensors = Mapping[str, Tensor]

_QUERY = re.compile(r"(blocks\.[0-9]+\.attn\.)q\.(weight|bias)")
_SKIP = re.compile(r"(blocks\.[0-9]+\.)proj\.(weight|bias)")
_WRAPPER = re.compile(r"(?:^|(?<=\.))_(?:orig_mod|fsdp_wrapped_module|checkpoint_wrapped_module)\.")
"""What torch puts into the keys of a compiled, sharded or checkpointed module, at any depth."""


@dataclass(frozen=True)
class Renamed:
    """A state dict under our names: `keys` gives each name's key in the file, `others` the keys left over.

    `source` is the state dict as it is in the file.
    """

    layout: str
    source: Tensors
    tensors: dict[str, Tensor]
    keys: dict[str, str]
    others: list[str]

    @property
    def is_autoencoder(self) -> bool:
        """Whether it ends in the norm of masked pretraining."""
        return any("encoder_norm." in key for key in self.keys.values())

    def pretrained(self) -> Renamed:
        """The same with the norm under its name in a masked autoencoder."""
        names = {name: f"encoder_{name}" if name.startswith("norm.") else name for name in self.keys}
        keys = {names[name]: key for name, key in self.keys.items()}
        return replace(self, tensors={names[name]: tensor for name, tensor in self.tensors.items()}, keys=keys)

    def has(self, name: str, shape: tuple[int, ...] | None) -> bool:
        """Whether it has a weight of this name and shape; for no shape, whether it has none of this name."""
        tensor = self.tensors.get(name)
        return (None if tensor is None else tuple(tensor.shape)) == shape

    def shape_in_file(self, name: str) -> tuple[int, ...]:
        """The shape of what the file has under the key of this name."""
        return tuple(self.source[self.keys[name]].shape)


def renamed(file: str, candidates: Iterable[Tensors], expected: Tensors, places: Grid | None = None) -> Renamed:
    """The first candidate that is in a known layout. Raises SpecError where none is.

    ``places`` is the grid of the position table, where the module has one. What a module does not expect may be on the
    meta device: there it has its name and shape, and fills no memory.
    """
    keys: list[str] = []
    for candidate in candidates:
        tensors = {_WRAPPER.sub("", key): tensor for key, tensor in candidate.items()}
        keys = keys or list(candidate)
        recognition = recognised(tensors)
        if recognition is None:
            continue
        layout, prefix = recognition
        learned = [key for key in tensors if not BUFFERS.search(key)]
        ours: dict[str, str] = {}
        others = []
        for key, name in layout.renamed(learned, prefix).items():
            if name in ours:
                others.append(key)
            else:
                ours[name] = key
        found = Renamed(layout.name, tensors, {name: tensors[key] for name, key in ours.items()}, ours, others)
        if layout.class_row:
            _part_class_row(found, places)
        _as_token(found)
        _join_projections(found, expected)
        _place_skips(found)
        return found
    raise SpecError(problems.unknown_layout(file, keys, [layout.name for layout in LAYOUTS]))


def _part_class_row(found: Renamed, places: Grid | None) -> None:
    """The class token's row apart from the position table, for it is on no grid.

    DeiT III's token has no position, which is one of zeros. ViTDet has the row of its pretraining and no token; it
    reads it nowhere.
    """
    table = found.tensors.get("pos_embed")
    if table is None or table.ndim != 3 or "pos_embed_class" in found.tensors:
        return
    has_token = "cls_token" in found.tensors
    has_row = _has_class_row(table.shape[1], places, has_token)
    if has_token:
        found.tensors["pos_embed_class"] = table[:, :1] if has_row else torch.zeros_like(table[:, :1])
        found.keys["pos_embed_class"] = found.keys["pos_embed"]
    if has_row:
        found.tensors["pos_embed"] = table[:, 1:]


def _has_class_row(rows: int, places: Grid | None, has_token: bool) -> bool:
    """Whether the first row is a class token's, as the others make a grid like the wanted one, and all do not."""
    if rows < 2 or (places is not None and prod(places) == rows):
        return False
    wanted = places or (1, 1)  # which a square is like
    without, whole = (grid_of((1, count, 1), wanted) is not None for count in (rows - 1, rows))
    return (without or not whole) if has_token else (without and not whole)


def _as_token(found: Renamed) -> None:
    """The class token as a token of one sample, where it is saved as a vector."""
    token = found.tensors.get("cls_token")
    if token is not None and token.ndim == 1:
        found.tensors["cls_token"] = token[None, None]


def _join_projections(found: Renamed, expected: Tensors) -> None:
    """Queries, keys and values as one projection; a bias that keys have not is zero, which no softmax sees."""
    for at in [match for name in found.tensors if (match := _QUERY.fullmatch(name))]:
        names = [f"{at[1]}{part}.{at[2]}" for part in "qkv"]
        parts = [found.tensors.get(name) for name in names]
        if at[2] == "bias" and parts[1] is None and parts[0] is not None:
            parts[1] = parts[0].new_zeros(()).expand(parts[0].shape)
        joined = f"{at[1]}qkv.{at[2]}"
        together = _together([part for part in parts if part is not None], expected.get(joined))
        if together is not None and joined not in found.tensors:
            found.tensors[joined], found.keys[joined] = together, found.keys[names[0]]
            for name in names:
                found.tensors.pop(name, None)
                found.keys.pop(name, None)


def _together(parts: list[Tensor], expected: Tensor | None) -> Tensor | None:
    """Three tensors, one after the other; none where they are fewer or differ in form."""
    if len(parts) < 3 or parts[0].ndim == 0 or len({(part.shape, part.dtype) for part in parts}) > 1:
        return None
    whole = torch.cat([part.to("meta") for part in parts])
    return torch.cat(parts) if expected is not None and expected.shape == whole.shape else whole


def _place_skips(found: Renamed) -> None:
    """Under the MLP, the projection on the way around it; MViTv2's authors call it as that around attention."""
    for at in [match for name in found.tensors if (match := _SKIP.fullmatch(name))]:
        attended, skip = (found.tensors.get(f"{at[1]}{part}.weight") for part in ("attn.proj", "proj"))
        if at[2] == "weight" and attended is not None and skip is not None and skip.shape[:1] != attended.shape[:1]:
            for part in ("weight", "bias"):
                name, ours = f"{at[1]}proj.{part}", f"{at[1]}mlp.proj.{part}"
                if name in found.tensors and ours not in found.tensors:
                    found.tensors[ours], found.keys[ours] = found.tensors.pop(name), found.keys.pop(name)
