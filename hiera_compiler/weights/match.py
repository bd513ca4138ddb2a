"""A checkpoint's tensors against a module's weights: what is loaded, resized, skipped, missing, unexpected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.weights import problems
from hiera_compiler.weights.architecture import described, fitting_specs, is_trunk
from hiera_compiler.weights.layouts import LAYOUTS, recognised
from hiera_compiler.weights.positions import MAX_ROWS, Grid, grid_of, resized
from hiera_compiler.weights.report import LoadReport, Resized

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Match:
    """The values for a module's weights, by their name in the module, and the report of how they were found."""

    values: dict[str, Tensor]
    report: LoadReport


@dataclass(frozen=True)
class _Renamed:
    """A state dict under our names: `keys` gives each name's key in the file, `others` the keys left over."""

    layout: str
    tensors: dict[str, Tensor]
    keys: dict[str, str]
    others: list[str]


def match(file: str, candidates: Iterable[Tensors], expected: Tensors, grids: Mapping[str, Grid]) -> Match:
    """The first candidate that holds a Hiera, matched with a module's weights; ``grids`` are its position tables'.

    Raises SpecError with one diagnostic where no candidate does, or the first holds another architecture.
    """
    found = _renamed(file, candidates)
    if "encoder_norm.weight" in expected:
        found = _pretrained(found)
    _refuse_windows(file, found, expected)
    values: dict[str, Tensor] = {}
    changes: list[Resized] = []
    skipped: list[str] = []
    for name, tensor in found.tensors.items():
        place = expected.get(name)
        if place is None or not tensor.is_floating_point():
            continue
        if name in grids and _is_table(tensor, place):
            values[name] = _table(file, name, tensor, grids[name], changes)
        elif tensor.shape == place.shape:
            values[name] = tensor
        elif name.startswith("head.") and tensor.shape[1:] == place.shape[1:]:
            skipped.append(name)
    differences = list(_differences(found, expected, {*values, *skipped}))
    if differences:
        shapes = {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
        raise SpecError(problems.other_architecture(file, differences, described(shapes), fitting_specs(shapes)))
    unplaced = [key for name, key in found.keys.items() if name not in expected]
    return Match(
        values,
        LoadReport(
            found.layout,
            len(values),
            missing=tuple(name for name in expected if name not in values and name not in skipped),
            skipped=tuple(name for name in expected if name in skipped),
            unexpected=(*unplaced, *found.others),
            resized=tuple(changes),
        ),
    )


def _renamed(file: str, candidates: Iterable[Tensors]) -> _Renamed:
    keys: list[str] = []
    for tensors in candidates:
        keys = keys or list(tensors)
        recognition = recognised(tensors)
        if recognition is None:
            continue
        layout, prefix = recognition
        ours: dict[str, str] = {}
        others = []
        for key, name in layout.renamed(tensors, prefix).items():
            if name in ours:
                others.append(key)
            else:
                ours[name] = key
        named = {name: tensors[key] for name, key in ours.items()}
        if layout.class_row and (table := named.get("pos_embed")) is not None and table.ndim == 3:
            # Ours is apart, for it is on no grid.
            named |= {"pos_embed_class": table[:, :1], "pos_embed": table[:, 1:]}
            ours["pos_embed_class"] = ours["pos_embed"]
        return _Renamed(layout.name, named, ours, others)
    raise SpecError(problems.unknown_layout(file, keys, [layout.name for layout in LAYOUTS]))


def _pretrained(found: _Renamed) -> _Renamed:
    """The same with the norm under its name in a masked autoencoder."""
    names = {name: f"encoder_{name}" if name.startswith("norm.") else name for name in found.keys}
    keys = {names[name]: key for name, key in found.keys.items()}
    return _Renamed(found.layout, {names[name]: tensor for name, tensor in found.tensors.items()}, keys, found.others)


def _refuse_windows(file: str, found: _Renamed, expected: Tensors) -> None:
    name = "pos_embed_window"
    if name in found.keys and name not in expected:
        raise SpecError(problems.window_position(file, found.keys[name], tuple(found.tensors[name].shape)))


def _is_table(tensor: Tensor, place: Tensor) -> bool:
    """Whether this is a position table of as many channels, in rows or, as in SAM 2, with the grid's axes."""
    channels = tensor.shape[2:] if tensor.ndim == 3 else tensor.shape[1:2]
    return tensor.ndim in (3, 4) and len(tensor) == 1 and channels == place.shape[2:] and tensor.numel() > 0


def _table(file: str, name: str, tensor: Tensor, wanted: Grid, changes: list[Resized]) -> Tensor:
    grid = grid_of(tuple(tensor.shape), wanted)
    is_window = name == "pos_embed_window"  # repeated as it is, never stretched
    if (
        grid is None
        or (is_window and grid != wanted)
        or tensor.numel() // tensor.shape[2 if tensor.ndim == 3 else 1] > MAX_ROWS
    ):
        raise SpecError(problems.table_does_not_resize(file, name, tuple(tensor.shape), wanted))
    if grid != wanted:
        changes.append(Resized(name, grid, wanted))
    return resized(tensor, grid, wanted)


def _differences(found: _Renamed, expected: Tensors, matched: set[str]) -> Iterator[str]:
    """Facts on the weights that the file and the module do not share and must."""
    for name, place in expected.items():
        tensor = found.tensors.get(name)
        if name in matched:
            continue
        elif tensor is None:
            if is_trunk(name):
                yield f"{name} is not in the file, and {list(place.shape)} in the model"
        elif not tensor.is_floating_point():
            yield f"{name} holds {str(tensor.dtype).removeprefix('torch.')} in the file, and not floating-point numbers"
        else:
            yield f"{name} is {list(tensor.shape)} in the file, and {list(place.shape)} in the model"
    for name, tensor in found.tensors.items():
        if name not in expected and is_trunk(name):
            yield f"{name} is {list(tensor.shape)} in the file, and not in the model"
