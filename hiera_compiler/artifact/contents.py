"""What goes into an artifact: the module is made, compared with each of its other forms, and written."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from hiera_compiler.artifact import files, folder, problems, verify
from hiera_compiler.artifact.compiling import CannotCompileError, compiled_outputs
from hiera_compiler.artifact.format import Format, Model
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.artifact.report import Check, Compiled, Regime, Report, versions
from hiera_compiler.artifact.task import Task
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.ir.blocks import share_blocks

BATCHES = (1, 2, 3)
"""The batches at which written models must agree with the eager one."""


def write(task: Task, wanted: Mapping[str, Format]) -> Report:
    """Fill the folder. Raises BuildError, and SpecError for weights that do not fit."""
    options, spec = task.options, task.compilation.spec
    if options.device == "cuda" and not torch.cuda.is_available():
        raise BuildError(problems.no_device(options.device))
    task.progress("making the module")
    module, weights = _module(task)
    with verify.full_precision():
        compiled, checks, warnings = _compare_compiled(task, module)
        task.progress("writing spec, graph and weights")
        _write_files(task, module)
        checks += _write_formats(task, module, wanted)
    report = Report(
        name=spec.name,
        task=task.compilation.task,
        spec_hash=spec.hash,
        weights=weights,
        cost=task.compilation.cost,
        regime=Regime(options.device, "float32", options.batch, torch.get_num_threads()),
        compiled=compiled,
        checks=tuple(checks),
        versions=versions(),
        files={file.name: file.stat().st_size for file in sorted(task.new.iterdir())},
        warnings=tuple(warnings),
    )
    with task.writing(folder.SUMMARY) as file:
        file.write_text(json.dumps(report.data(), indent=2) + "\n", encoding="utf-8")
    return report


def _module(task: Task) -> tuple[nn.Module, dict[str, Any] | None]:
    """The module to write, and what was loaded into it from a file."""
    compilation, weights = task.compilation, task.options.weights
    # A fork, so that the caller's random numbers stay what they were. Made on the CPU for any device: other
    # generators give other numbers.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        if weights is None:
            return compilation.module("cpu").to(task.options.device).eval(), None
        module, loaded = compilation.load(weights, "cpu")
    told = {"file": str(weights), "summary": loaded.lines(), **asdict(loaded)}
    return module.to(task.options.device).eval(), told


def _compare_compiled(task: Task, module: nn.Module) -> tuple[Compiled, list[Check], list[Diagnostic]]:
    """Run eager and compiled on the same input."""
    task.progress("running it eagerly")
    inputs = verify.inputs(task.compilation, task.options.batch, task.options.device)
    expected = verify.everything(module, *inputs)
    verify.require_finite(expected, module, task.options.weights)
    blocks = share_blocks(task.compilation.graph)
    count, distinct = len(blocks), len({block.block_class.name for block in blocks})
    if not task.options.compile:
        return Compiled(count, distinct, why_not="not asked for"), [], []
    task.progress(f"compiling ({distinct} distinct blocks)")
    # A second module on the same weights: the first stays eager, for the formats to trace.
    twin = deepcopy(module, {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())})
    start = time.perf_counter()
    try:
        found = compiled_outputs(twin, *inputs)
    except CannotCompileError as obstacle:
        return Compiled(count, distinct, why_not=obstacle.warning.message), [], [obstacle.warning]
    seconds = time.perf_counter() - start
    return Compiled(count, distinct, seconds), [verify.compare("compiled", found, expected)], []


def _write_files(task: Task, module: nn.Module) -> None:
    graph = task.compilation.graph
    with task.writing("spec.yaml") as file:
        files.write_spec(task.compilation, file)
    with task.writing("graph.json") as file:
        files.write_graph(graph, file)
    with task.writing("graph.svg") as file:
        files.write_picture(graph, file)
    with task.writing(files.WEIGHTS) as file:
        files.write_weights(module, file)


def _write_formats(task: Task, module: nn.Module, wanted: Mapping[str, Format]) -> list[Check]:
    """Write each format, read it back, and run it."""
    if not wanted:
        return []
    inputs = [verify.inputs(task.compilation, batch, task.options.device) for batch in BATCHES]
    expected = [verify.logits(module, *given) for given in inputs]
    model = Model(task.compilation, module, task.new / files.WEIGHTS, inputs[1])
    checks = []
    for format in wanted.values():
        task.progress(f"writing and checking {format.file}")
        if format.holds_weights:
            # Asked again, though asked before the work: torch's own writer ends the process where a disk fills up.
            folder.require_space(task.new, task.shown, 4 * task.compilation.graph.parameter_count)
        with task.writing(format.file) as file:
            format.write(model, file)
        checks += _read_back(format, model, inputs, expected)
    return checks


def _read_back(
    format: Format, model: Model, inputs: Sequence[verify.Inputs], expected: Sequence[verify.Outputs]
) -> list[Check]:
    # Apart, so that a second copy of the weights is gone before the next format is written.
    run = format.load(model, model.weights.parent / format.file)
    pairs = zip(inputs, expected, strict=True)
    return [verify.compare(format.file, run(*given), outputs, format.tolerance) for given, outputs in pairs]
