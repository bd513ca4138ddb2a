"""A checkpoint's tensors against a module's weights: what is loaded, resized, skipped, missing, unexpected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.weights import problems
from hiera_compiler.weights.architecture import described, fitting_specs, is_trunk
from hiera_compiler.weights.positions import MAX_ROWS, Grid, grid_of, resized
from hiera_compiler.weights.renamed import Renamed, Tensors, renamed
from hiera_compiler.weights.report import LoadReport, Resized

PooledAgain = Mapping[str, tuple[int, ...] | None]
"""The weights that are new where a pretrained stage pools again: their shapes in pretraining, if any."""


@dataclass(frozen=True)
class Match:
    """The values for a module's weights, by their name in the module, and the report of how they were found."""

    values: dict[str, Tensor]
    report: LoadReport


def match(
    file: str,
    candidates: Iterable[Tensors],
    expected: Tensors,
    grids: Mapping[str, Grid],
    pooled_again: PooledAgain | None = None,
    *,
    norms_tokens: bool = False,
) -> Match:
    """The first candidate that holds a model of the family, matched with a module's weights.

    ``grids`` are those of its position tables; ``norms_tokens`` says that its head norms tokens before it pools them.
    Of a masked autoencoder ``pooled_again`` are not taken. Raises SpecError with one diagnostic where no candidate
    does, or the first holds another architecture.
    """
    found = renamed(file, candidates, expected, grids.get("pos_embed"))
    if "encoder_norm.weight" in expected:
        found = found.pretrained()
    _refuse_windows(file, found, expected)
    clips = _clips(found.tensors, expected, grids)
    values: dict[str, Tensor] = {}
    changes: list[Resized] = []
    skipped: list[str] = []
    stuck: list[str] = []
    for name, tensor in found.tensors.items():
        place = expected.get(name)
        if place is None or not tensor.is_floating_point():
            continue
        if name in grids and _is_table(tensor, place):
            table = _table(name, tensor, grids[name], clips, changes)
            if table is None:
                stuck.append(name)
            else:
                values[name] = table
        elif tensor.shape == place.shape:
            values[name] = tensor
        elif name.startswith("head.") and tensor.shape[1:] == place.shape[1:]:
            skipped.append(name)
    new = [name for name, shape in (pooled_again or {}).items() if found.is_autoencoder and found.has(name, shape)]
    differences = list(_differences(found, expected, {*values, *skipped, *stuck, *new}))
    if differences:
        shapes = {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
        raise SpecError(problems.other_architecture(file, differences, described(shapes), fitting_specs(shapes)))
    for name in stuck[:1]:
        raise SpecError(problems.table_does_not_resize(file, name, found.shape_in_file(name), grids[name]))
    if norms_tokens:
        _refuse_norm_of_mean(file, found, values)
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


def _refuse_windows(file: str, found: Renamed, expected: Tensors) -> None:
    name = "pos_embed_window"
    if name in found.keys and name not in expected:
        shapes = {ours: tuple(tensor.shape) for ours, tensor in found.tensors.items()}
        raise SpecError(
            problems.window_position(
                file, found.keys[name], shapes[name], shapes.get("pos_embed", ()), fitting_specs(shapes)
            )
        )


def _refuse_norm_of_mean(file: str, found: Renamed, values: Tensors) -> None:
    """A head that was trained on the norm of the mean, called fc_norm, is no head on the mean of normed tokens."""
    key = found.keys.get("norm.weight", "")
    if key.endswith("fc_norm.weight") and "head.projection.weight" in values:
        raise SpecError(problems.norm_of_mean(file, key))


def _is_table(tensor: Tensor, place: Tensor) -> bool:
    """Whether this is a table of as many channels, in rows or, as in SAM 2, with the grid's axes."""
    if place.ndim == 2:
        return tensor.ndim == 2 and tensor.shape[1:] == place.shape[1:] and tensor.numel() > 0
    channels = tensor.shape[2:] if tensor.ndim == 3 else tensor.shape[1:2]
    return tensor.ndim in (3, 4) and len(tensor) == 1 and channels == place.shape[2:] and tensor.numel() > 0


def _clips(found: Tensors, expected: Tensors, grids: Mapping[str, Grid]) -> tuple[Grid, Grid] | None:
    """The tokens of a clip in the file and in the module, which one table of both space and time cannot tell."""
    names = ("pos_embed_temporal", "pos_embed_spatial")
    if not all(name in found and name in grids and _is_table(found[name], expected[name]) for name in names):
        return None
    time, space = (grid_of(tuple(found[name].shape), grids[name]) for name in names)
    if time is None or space is None:
        return None
    return (time[0], *space[1:]), (grids[names[0]][0], *grids[names[1]][1:])


def _table(
    name: str, tensor: Tensor, wanted: Grid, clips: tuple[Grid, Grid] | None, changes: list[Resized]
) -> Tensor | None:
    """A table on the wanted grid, and in ``changes`` how it came there; none where its own grid cannot be told."""
    is_of_offsets = tensor.ndim == 2  # with no batch before its rows
    table = tensor[None] if is_of_offsets else tensor
    grid = grid_of(tuple(table.shape), wanted, None if is_of_offsets else clips)
    is_window = name == "pos_embed_window"  # repeated as it is, never stretched
    if (
        grid is None
        or (is_window and grid != wanted)
        or (is_of_offsets and not all(side % 2 for side in grid))
        or table.numel() // table.shape[2 if table.ndim == 3 else 1] > MAX_ROWS
    ):
        return None
    if grid != wanted:
        changes.append(Resized(name, grid, wanted))
    fitted = resized(table, grid, wanted)
    return fitted[0] if is_of_offsets else fitted


def _differences(found: Renamed, expected: Tensors, matched: set[str]) -> Iterator[str]:
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
