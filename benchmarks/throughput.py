"""Images per second of our models and of the public ones, and the share of a plain matrix product's rate.

python -m benchmarks.throughput [--quick] [--models hiera_b] [--dtypes bfloat16] [--batches 8] [--regimes compiled]
"""

from __future__ import annotations

import argparse
import gc
import os
from itertools import product

import torch

import hiera_compiler as hc
from benchmarks import contenders
from benchmarks.interleaved import CLOCKS, Rounds, interleave, progress
from benchmarks.table import regime, table

SIDE = 2048
"""The matrix product that rates are compared with multiplies two square matrices of this side."""

PRODUCT = "matrix product"
PUBLIC = ["hiera-transformer", "timm", "transformers"]
PACKAGES = [contenders.OURS, *PUBLIC]
COLUMNS = (
    *("model", "regime", "dtype", "batch"),
    *(f"{name} images/s" for name in PACKAGES),
    *(f"over {name}" for name in PUBLIC),
    *("share", "best public share"),
)


def main() -> None:
    """Measures every cell and prints one table."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    header = regime(
        ["torch", *PUBLIC],
        device="cpu",
        allocator=" ".join(f"{name}={value}" for name, value in os.environ.items() if name.startswith("MALLOC_"))
        or "the C library's, as it is",
        threads=options.threads,
        input="224×224, random weights, no_grad",
        clock=f"{options.clock} seconds, {options.rounds} interleaved rounds",
        compiled="fullgraph=True, dynamic=False; ours block by block, the others whole",
        over="how many times as fast ours is; above 1 ours is faster",
        share="multiply-accumulates of the model's products (linear, convolution, attention) per second, "
        f"over those of a {SIDE}-cubed product of the same dtype on the same threads in the same rounds",
    )
    cells = product(options.models, options.regimes, options.dtypes, options.batches)
    rows = [_row(*cell, rounds=options.rounds, clock=options.clock) for cell in cells]
    print(f"# Throughput\n\n{header}\n\n{table(COLUMNS, rows)}")


@torch.no_grad()
def _row(spec: str, how: str, dtype_name: str, batch: int, rounds: int, clock: str) -> list[str]:
    """The figures of one model, regime, dtype and batch."""
    progress(f"{spec} {how} {dtype_name} batch {batch}")
    torch.compiler.reset()
    dtype: torch.dtype = getattr(torch, dtype_name)
    pixels = torch.randn(batch, 3, 224, 224, dtype=dtype)
    matrix = torch.randn(SIDE, SIDE, dtype=dtype)
    modules = {name: module.to(dtype) for name, module in contenders.models(spec).items()}
    if how == "compiled":
        modules = {name: contenders.compiled(name, module) for name, module in modules.items()}
    calls = {name: (lambda module=module: module(pixels)) for name, module in modules.items()}
    timed = interleave({**calls, PRODUCT: lambda: matrix @ matrix}, rounds, CLOCKS[clock])
    gc.collect()
    return [spec, how, dtype_name, str(batch), *_figures(timed, batch, hc.compile(spec).cost.flops / 2)]


def _figures(timed: Rounds, batch: int, macs: float) -> list[str]:
    """Images/s of all, our speed over each public package, and the shares of the matrix product's rate."""
    shares = {name: batch * macs / SIDE**3 * timed.speed(name, PRODUCT) for name in PACKAGES}
    return [
        *(f"{batch / timed.median(name):.2f}" for name in PACKAGES),
        *(f"{timed.speed(contenders.OURS, name):.2f}" for name in PUBLIC),
        f"{shares[contenders.OURS]:.0%}",
        f"{max(shares[name] for name in PUBLIC):.0%}",
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="hiera_t, eager, batch 1 only")
    parser.add_argument("--models", nargs="+", default=["hiera_t", "hiera_b"])
    parser.add_argument("--regimes", nargs="+", choices=["eager", "compiled"], default=["eager", "compiled"])
    parser.add_argument("--dtypes", nargs="+", choices=["float32", "bfloat16"], default=["float32", "bfloat16"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="cpu")
    options = parser.parse_args()
    if options.quick:
        options.models, options.regimes, options.batches = ["hiera_t"], ["eager"], [1]
    return options


if __name__ == "__main__":
    main()
