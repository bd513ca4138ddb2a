"""The training step of masked autoencoders, ours and the authors': forward and backward at the paper's mask ratios.

python -m benchmarks.mae [--quick] [--models hiera_b] [--batches 8] [--dtypes float32] [--regimes eager]
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import nn

import hiera_compiler as hc
from benchmarks.interleaved import CLOCKS, Rounds, interleave, progress
from benchmarks.table import regime, table
from hiera_compiler.emit.compiled import compile_blocks
from tests.support.public_packages import hiera_reference

WORDS = {"hiera_t": "tiny_224", "hiera_s": "small_224", "hiera_b": "base_224", "hiera_b_16x224": "base_16x224"}
DROP_PATH = {"hiera_t": 0.0, "hiera_s": 0.0, "hiera_b": 0.2, "hiera_b_16x224": 0.1}
"""The rates of the paper's pretraining recipes."""

THEIRS, EAGER, COMPILED = "hiera-transformer", "hiera-compiler", "hiera-compiler compiled"
COLUMNS = (
    "model",
    "dtype",
    "batch",
    "hiera-transformer ms",
    "ours ms",
    "compiled ms",
    "ours over",
    "compiled over",
    "saved GMACs",
)


def main() -> None:
    """Measures every model at every batch and prints one table."""
    options = _options()
    torch.set_num_threads(options.threads)
    header = regime(
        ["torch", "hiera-transformer"],
        device="cpu",
        dtype="float32, or mixed precision by autocast, which is how the paper trains (in float16)",
        allocator=" ".join(f"{name}={value}" for name, value in os.environ.items() if name.startswith("MALLOC_"))
        or "the C library's, as it is",
        threads=options.threads,
        step="forward and backward in training mode, mask drawn, drop path as in the paper; no optimizer step",
        mask="0.6 of an image's units are dropped (19 of 49 are kept), 0.9 of a clip's (39 of 392)",
        clock=f"{options.clock} seconds, {options.rounds} interleaved rounds",
        compiled="fullgraph=True, dynamic=False, block by block; the authors' breaks into nine graphs: eager",
        over="how many times as fast as hiera-transformer",
        saved="of a forward pass, by not computing what is dropped or not predicted",
    )
    cells = product(options.models, options.dtypes, options.batches)
    rows = [_row(*cell, options.regimes, options.rounds, options.clock) for cell in cells]
    print(f"# Masked pretraining\n\n{header}\n\n{table(COLUMNS, rows)}")


def _row(spec: str, dtype: str, batch: int, regimes: list[str], rounds: int, clock: str) -> list[str]:
    """The figures of one model at one batch."""
    progress(f"{spec} {dtype} batch {batch}")
    torch.compiler.reset()
    torch.manual_seed(0)
    compilation = hc.compile(spec, [f"mae.drop_path={DROP_PATH[spec]}"], task="mae")
    pixels = torch.randn(batch, *compilation.spec.input_shape)
    theirs = _reference(spec)
    ratio = compilation.spec.pretraining.mask_ratio
    mixed = dtype != "float32"
    calls = {THEIRS: _step(theirs, lambda: theirs(pixels, mask_ratio=ratio)[0], mixed)}
    for name, wanted in ((EAGER, "eager"), (COMPILED, "compiled")):
        if wanted in regimes:
            calls[name] = _ours(compilation, theirs, pixels, wanted == "compiled", mixed)
    timed = interleave(calls, rounds, CLOCKS[clock])
    gc.collect()
    return [spec, dtype, str(batch), *_figures(timed), _saved(compilation)]


def _ours(
    compilation: hc.Compilation, theirs: nn.Module, pixels: torch.Tensor, compiled: bool, mixed: bool
) -> Callable[[], object]:
    module: Any = compilation.module().train()
    module.load_state_dict(theirs.state_dict())
    if compiled:
        compile_blocks(module)
    return _step(module, lambda: module(pixels)[0], mixed)


def _step(module: nn.Module, loss: Callable[[], torch.Tensor], mixed: bool) -> Callable[[], object]:
    """One step without the optimizer, whose work is the same for all."""

    def step() -> None:
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            found = loss()
        found.backward()

    return step


def _reference(spec: str) -> Any:
    hiera_reference()
    build: Any = getattr(importlib.import_module("hiera.hiera_mae"), f"mae_hiera_{WORDS[spec]}")
    return build(pretrained=False, drop_path_rate=DROP_PATH[spec]).train()


def _figures(timed: Rounds) -> list[str]:
    found = [name for name in (THEIRS, EAGER, COMPILED) if name in timed.seconds]
    times = {name: f"{1000 * timed.median(name):.0f}" for name in found}
    over = {name: f"{timed.speed(name, THEIRS):.2f}" for name in found}
    return [*(times.get(name, "") for name in (THEIRS, EAGER, COMPILED)), over.get(EAGER, ""), over.get(COMPILED, "")]


def _saved(compilation: hc.Compilation) -> str:
    from hiera_compiler import estimate
    from hiera_compiler.lower import lower_mae

    whole = estimate.cost(lower_mae(compilation.spec, early=False)).macs
    return f"{(whole - compilation.cost.macs) / 1e9:.3f} of {whole / 1e9:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mae", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="hiera_t, eager, batch 2 only")
    parser.add_argument("--models", nargs="+", choices=sorted(WORDS), default=["hiera_t", "hiera_b", "hiera_b_16x224"])
    parser.add_argument("--regimes", nargs="+", choices=["eager", "compiled"], default=["eager", "compiled"])
    parser.add_argument("--dtypes", nargs="+", choices=["float32", "amp-bfloat16"], default=["float32", "amp-bfloat16"])
    parser.add_argument("--batches", nargs="+", type=int, default=[4])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="cpu")
    options = parser.parse_args()
    if options.quick:
        options.models, options.regimes, options.batches, options.dtypes = ["hiera_t"], ["eager"], [2], ["float32"]
    return options


if __name__ == "__main__":
    main()
