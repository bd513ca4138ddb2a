"""Cold compile time of our models by depth, for each way of compiling.

python -m benchmarks.compile_time [--quick] [--models hiera_t hiera_l] [--ways blocks whole nested]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import product

from benchmarks.interleaved import progress
from benchmarks.table import regime, table


def main() -> None:
    """Compiles every model in every way, each in a process and with a cache of its own, and prints one table."""
    options = _options()
    if options.child:
        _compile_here(options)
        return
    header = regime(
        ["torch"],
        device="cpu",
        threads=options.threads,
        dtype="float32",
        batch=options.batch,
        measured="first forward minus a later one; a new process, an empty inductor cache",
        CPU_seconds="of the process and the C++ compilers that it starts",
        blocks="each block one full graph; equal blocks share code (what the package does)",
        whole="the model one full graph",
        nested="the model one full graph, whose equal blocks are one torch.compiler.nested_compile_region",
    )
    found: dict[tuple[str, str], dict[str, float]] = {}
    for way, model in product(options.ways, options.models):
        progress(f"{model} {way}")
        found[way, model] = _compile_elsewhere(model, way, options)
    rows = [
        [
            way,
            model,
            f"{result['graphs']:.0f}",
            f"{result['cpu']:.1f}",
            f"{result['cpu'] / found[way, options.models[0]]['cpu']:.2f}",
            f"{result['wall']:.1f}",
            f"{result['max_difference']:.0e}",
        ]
        for (way, model), result in found.items()
    ]
    first = f"over {options.models[0]}"
    columns = ("way", "model", "graphs", "CPU seconds", first, "wall seconds", "max rel. difference from eager")
    print(f"# Cold compile time\n\n{header}\n\n{table(columns, rows)}")


def _compile_elsewhere(model: str, way: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.compile_time", "--child", "--models", model, "--ways", way]
    command += ["--threads", str(options.threads), "--batch", str(options.batch)]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _compile_here(options: argparse.Namespace) -> None:
    import torch
    from torch._dynamo.utils import counters

    import hiera_compiler as hc
    from benchmarks.contenders import WAYS

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    compilation = hc.compile(options.models[0])
    module = compilation.module().eval()
    pixels = torch.randn(options.batch, *compilation.spec.input_shape)
    with torch.no_grad():
        eager = module(pixels)
        WAYS[options.ways[0]](module)
        start = time.perf_counter(), _cpu_seconds()
        module(pixels)
        first = time.perf_counter(), _cpu_seconds()
        compiled = module(pixels)
        later = time.perf_counter(), _cpu_seconds()
    wall, cpu = (middle - begin - (end - middle) for begin, middle, end in zip(start, first, later, strict=True))
    difference = float((compiled - eager).abs().max() / eager.abs().max())
    graphs = counters["stats"]["unique_graphs"]
    print(json.dumps({"wall": wall, "cpu": cpu, "graphs": graphs, "max_difference": difference}))


def _cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile_time", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="hiera_t and hiera_l, block by block only")
    parser.add_argument("--models", nargs="+", default=["hiera_t", "hiera_b", "hiera_l"])
    parser.add_argument(
        "--ways", nargs="+", choices=["blocks", "whole", "nested"], default=["blocks", "whole", "nested"]
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.models, options.ways = ["hiera_t", "hiera_l"], ["blocks"]
    return options


if __name__ == "__main__":
    main()
