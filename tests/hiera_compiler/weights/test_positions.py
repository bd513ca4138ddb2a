"""Position tables of another size: which grid they have, and their values on ours."""

import pytest
import torch
from torch.nn import functional as F

from hiera_compiler.weights.positions import Grid, grid_of, resized


@pytest.mark.parametrize(
    ("shape", "wanted", "grid"),
    [
        ((1, 3136, 96), (56, 56), (56, 56)),
        ((1, 3136, 96), (112, 112), (56, 56)),
        ((1, 3136, 96), (16, 24), (56, 56)),  # square, whatever is wanted
        ((1, 384, 96), (32, 48), (16, 24)),  # not square: of the wanted proportions
        ((1, 384, 96), (16, 24), (16, 24)),
        ((1, 385, 96), (16, 24), None),
        ((1, 96, 7, 7), (56, 56), (7, 7)),  # SAM 2
        ((1, 96, 7, 14), (56, 56), (7, 14)),
        ((1, 3136, 96), (1, 16, 16), (1, 56, 56)),  # pos_embed_spatial
        ((1, 8, 96), (16, 1, 1), (8, 1, 1)),  # pos_embed_temporal
        ((1, 25088, 96), (8, 16, 16), (8, 56, 56)),  # clips: as many frames as wanted
        ((1, 1280, 96), (8, 16, 16), (5, 16, 16)),  # or else the wanted frame
        ((1, 1281, 96), (8, 16, 16), None),
        ((1, 512, 96), (1, 16, 16), None),  # two frames where the table is of space alone
        ((1, 96, 7, 7), (8, 16, 16), None),
        ((1, 7, 96), (3,), (7,)),  # relative positions along one axis
        ((1, 3, 96), (1,), (3,)),  # in units of one token, of which there is no distance
    ],
)
def test_grid_is_told_from_the_shape(shape: tuple[int, ...], wanted: Grid, grid: Grid | None) -> None:
    assert grid_of(shape, wanted) == grid


@pytest.mark.parametrize(
    ("rows", "wanted", "clip", "grid"),
    [
        (288, (16, 4, 4), (16, 16, 16), (8, 6, 6)),  # by itself taken for 18 whole frames
        (288, (2, 12, 12), (2, 48, 48), (8, 6, 6)),  # of as many rows as are wanted
        (4608, (4, 32, 32), (4, 32, 32), (8, 24, 24)),
        (100, (4, 5, 5), (4, 20, 20), (4, 5, 5)),  # not of this clip
        (8, (4, 1, 1), (4, 32, 32), (8, 1, 1)),
        (576, (1, 32, 32), (4, 32, 32), (1, 24, 24)),
    ],
)
def test_a_clip_s_tokens_tell_the_grid_of_a_table_of_space_and_time(
    rows: int, wanted: Grid, clip: Grid, grid: Grid
) -> None:
    assert grid_of((1, rows, 96), wanted, ((8, 24, 24), clip)) == grid


def test_space_is_resized_as_sam_2_does() -> None:
    table = torch.randn(1, 96, 7, 7)
    expected = F.interpolate(table, size=(56, 48), mode="bicubic").flatten(2).transpose(1, 2)
    torch.testing.assert_close(resized(table, (7, 7), (56, 48)), expected)
    rows = table.flatten(2).transpose(1, 2)
    torch.testing.assert_close(resized(rows, (7, 7), (56, 48)), expected)


def test_time_is_resized_linearly() -> None:
    table = torch.tensor([0.0, 4.0]).view(1, 2, 1).expand(1, 2, 3)
    expected = torch.tensor([0.0, 1.0, 3.0, 4.0]).view(1, 4, 1).expand(1, 4, 3)
    torch.testing.assert_close(resized(table, (2, 1, 1), (4, 1, 1)), expected)


def test_each_axis_of_a_clip_is_resized_by_itself() -> None:
    time, space = torch.randn(1, 4, 3), torch.randn(1, 16, 3)
    both = (time[:, :, None] + space[:, None]).reshape(1, 64, 3)
    new_time = resized(time, (4, 1, 1), (8, 1, 1))
    new_space = resized(space, (4, 4), (6, 8))
    expected = (new_time[:, :, None] + new_space[:, None]).reshape(1, -1, 3)
    torch.testing.assert_close(resized(both, (4, 4, 4), (8, 6, 8)), expected)


def test_half_precision_is_resized_in_single() -> None:
    table = torch.randn(1, 49, 8).bfloat16()
    assert torch.equal(resized(table, (7, 7), (14, 14)), resized(table.float(), (7, 7), (14, 14)))
