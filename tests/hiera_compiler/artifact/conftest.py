"""Models of a few blocks: an image classifier, a trunk for clips, both in all formats, and one of fixed tables."""

from pathlib import Path

import pytest

import hiera_compiler as hc
from hiera_compiler.artifact import Artifact, Options, build
from hiera_compiler.artifact.format import modules

IMAGE = """\
name: tiny
input: {size: 32}
patch: {kernel: 7, stride: 4, padding: 3}
position: absolute
mask_unit: 2
stages:
  - {depth: 1, channels: 8, heads: 1, attention: mask_unit}
  - {depth: 1, channels: 16, heads: 2, attention: global, pool: max}
head: {classes: 5}
"""

CLIP = """\
name: tiny_clip
input: {size: 16, frames: 4}
patch: {kernel: [3, 7, 7], stride: [2, 4, 4], padding: [1, 3, 3]}
position: separable
mask_unit: [1, 2, 2]
stages:
  - {depth: 1, channels: 8, heads: 1, attention: mask_unit}
  - {depth: 1, channels: 16, heads: 2, attention: global, pool: max}
"""

FIXED = """\
name: tiny_fixed
input: {size: 16}
patch: {kernel: 2, stride: 2}
position: sinusoid
mask_unit: none
stages:
  - {depth: 2, channels: 8, heads: 2, attention: {kind: window, window: 4, shift: true, relative_bias: true}}
  - {depth: 1, channels: 8, heads: 2, attention: {kind: pooled, pool: max, relative: decomposed}, first_attention: own}
head: {classes: 5}
"""
"""A model with tables that no file of weights holds."""


@pytest.fixture
def image(tmp_path: Path) -> hc.Compilation:
    # In a folder of its own, so that a test can say that nothing was left beside the artifact.
    return _compiled(tmp_path / "specs", IMAGE)


@pytest.fixture
def clip(tmp_path: Path) -> hc.Compilation:
    return _compiled(tmp_path / "specs", CLIP)


@pytest.fixture
def fixed(tmp_path: Path) -> hc.Compilation:
    return _compiled(tmp_path / "specs", FIXED)


@pytest.fixture(scope="session")
def image_in_all_formats(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return _in_all_formats(tmp_path_factory.mktemp("image"), IMAGE)


@pytest.fixture(scope="session")
def clip_in_all_formats(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """As a large model is written: ONNX keeps the weights in a file of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hiera_compiler.artifact.formats.onnx.ONE_FILE", 1)
        return _in_all_formats(tmp_path_factory.mktemp("clip"), CLIP)


def _in_all_formats(folder: Path, text: str) -> Artifact:
    # Exporting takes seconds however small the model is, so once for all tests.
    names = sorted(modules())
    return build(_compiled(folder, text), folder / "out", Options([*names, *names], compile=False))


def _compiled(folder: Path, text: str) -> hc.Compilation:
    folder.mkdir(exist_ok=True)
    (folder / "model.yaml").write_text(text)
    return hc.compile(folder / "model.yaml")
