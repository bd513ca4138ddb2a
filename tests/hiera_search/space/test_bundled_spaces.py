"""The spaces that ship: which models are points of them, and how large they are."""

from typing import Any

import pytest

import hiera_compiler as hc
from hiera_compiler import bundled
from hiera_compiler.pipeline import Compilation
from hiera_search.space import Space, load_space

POINTS = {
    "hiera_b_around": 1_399_680,
    "hiera_image": 1_964_777_472,
    "hiera_small": 5_184,
    "hiera_video": 4_228_200,
    "mvit_to_hiera": 36,
    "mvit_to_hiera_video": 36,
}

# What the published models have, by the names of the holes.
IMAGE = {
    "early_mlp": 4,
    "late_mlp": 4,
    "unpooled": "none",
    "turn": 3,
    "first": "previous",
    "input.size": 224,
    "mask_unit": 8,
}
VIDEO = {"turn": 3, "input.size": 224, "mask_unit.0": 1, "mlp_ratio": 4}
TRUNKS = {
    "hiera_t": (96, 96, (1, 2, 7, 2)),
    "hiera_s": (96, 96, (1, 2, 11, 2)),
    "hiera_b": (96, 96, (2, 3, 16, 3)),
    "hiera_b_plus": (112, 56, (2, 3, 16, 3)),
    "hiera_l": (144, 72, (2, 6, 36, 4)),
    "hiera_h": (256, 64, (2, 6, 36, 4)),
}


def trunk(name: str) -> dict[str, Any]:
    width, head, depths = TRUNKS[name]
    return {"width": width, "head": head, **{f"stages.{index}.depth": depth for index, depth in enumerate(depths)}}


def hash_at(space: Space, values: dict[str, Any]) -> str:
    """The hash of the point that has these values in these holes."""
    assert values.keys() == {hole.name for hole in space.holes}
    choice = [hole.options.index(values[hole.name]) for hole in space.holes]
    return Compilation(space.fill(choice)).spec.hash


@pytest.mark.parametrize("name", TRUNKS)
def test_every_published_image_model_is_a_point_of_the_wide_space(name: str) -> None:
    assert hash_at(load_space("hiera_image"), IMAGE | trunk(name)) == hc.compile(name).spec.hash


@pytest.mark.parametrize("name", ["hiera_b", "hiera_b_plus", "hiera_l", "hiera_h"])
def test_every_published_video_model_is_a_point_of_the_video_space(name: str) -> None:
    values = VIDEO | trunk(name) | {"input.frames": 16}
    assert hash_at(load_space("hiera_video"), values) == hc.compile(f"{name}_16x224").spec.hash


def test_the_published_model_for_32_frames_is_a_point_with_its_classes() -> None:
    space = load_space("hiera_video", ["head.classes=174"])
    values = VIDEO | trunk("hiera_l") | {"input.frames": 32}
    assert hash_at(space, values) == hc.compile("hiera_l_32x224").spec.hash


def test_hiera_b_is_a_point_of_the_small_space_and_of_its_neighbourhood() -> None:
    small = trunk("hiera_b") | {"turn": 3, "mlp_ratio": 4}
    assert hash_at(load_space("hiera_small"), small) == hc.compile("hiera_b").spec.hash
    around = IMAGE | trunk("hiera_b") | {"heads": 1}
    for name in ("head", "unpooled", "mask_unit"):
        del around[name]
    assert hash_at(load_space("hiera_b_around"), around) == hc.compile("hiera_b").spec.hash


# Where each spec of the paper's path lies: places, keys, pooling, kernel, unit_stride, residual.
PATH = ("000000", "100000", "101000", "101010", "101110", "101111", "111111")


@pytest.mark.parametrize(("name", "folder"), [("mvit_to_hiera", "ablation"), ("mvit_to_hiera_video", "ablation_video")])
def test_the_path_of_the_paper_lies_in_the_lattice_from_mvit_to_hiera(name: str, folder: str) -> None:
    space = load_space(name)
    assert [hole.name for hole in space.holes] == ["places", "keys", "pooling", "kernel", "unit_stride", "residual"]
    found = [Compilation(space.fill([int(option) for option in point])).spec.hash for point in PATH]
    assert found == [hc.compile(name).spec.hash for name in bundled.folder(folder)]


def test_each_space_is_as_large_as_its_comment_promises() -> None:
    assert {name: load_space(name).points for name in bundled.spaces()} == POINTS


@pytest.mark.parametrize("name", POINTS)
def test_no_hole_of_a_bundled_space_is_idle(name: str) -> None:
    space = load_space(name)
    assert space.name == name
    assert space.below(()) == tuple(range(len(space.holes)))


@pytest.mark.parametrize("name", POINTS)
def test_a_space_given_for_a_spec_is_one_problem_that_says_what_to_do(name: str) -> None:
    with pytest.raises(hc.SpecError) as caught:
        hc.compile(name).spec  # noqa: B018 - asking for it checks the form
    (problem,) = caught.value.diagnostics
    assert problem.code == "H108"
    assert problem.help is not None
    assert "`hiera space`" in problem.help
