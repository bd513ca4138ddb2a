"""Tiny models and short protocols: no test asserts a time."""

from pathlib import Path

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler.profile.bench import Setup
from hiera_compiler.profile.record import Protocol
from hiera_compiler.profile.timing import Timer

TINY = """\
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

QUICK = Protocol(warmup=1, rounds=3, seconds=0.001, latency_calls=4, sweep_rounds=1, largest_batch=4)


@pytest.fixture
def protocol() -> Protocol:
    return QUICK


@pytest.fixture
def tiny(tmp_path: Path) -> hc.Compilation:
    return compiled(tmp_path)


@pytest.fixture
def deeper(tmp_path: Path) -> hc.Compilation:
    return compiled(tmp_path, "name=deeper", "stages.1.depth=2")


@pytest.fixture
def setup() -> Setup:
    return Setup(torch.device("cpu"), torch.float32, "eager", QUICK, Timer())


def compiled(folder: Path, *settings: str) -> hc.Compilation:
    file = folder / "tiny.yaml"
    file.write_text(TINY)
    return hc.compile(file, settings)
