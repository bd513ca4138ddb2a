"""Published rows as samples, and the constants that they give: what is fitted on what, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import exp, log

from hiera_compiler.devices import device
from hiera_compiler.estimate.conformal import spread
from hiera_compiler.estimate.evidence import MeasuredSet, implementation, measured_sets, paper, traced
from hiera_compiler.estimate.fit import EFFICIENCIES, Sample, fit, fit_scale, sample, total
from hiera_compiler.estimate.kernels import kernel_list
from hiera_compiler.estimate.price import Constants
from hiera_compiler.estimate.regime import PAPER
from hiera_compiler.estimate.transformer import VisionTransformer
from hiera_compiler.ir import Graph

GraphOf = Callable[[str], Graph]
"""The graph of a bundled spec."""
PAPER_DEVICE = "a100-40gb"
PAPER_BATCH = {"table_17": 256, "table_16": 32}
"""The paper reports the best of several batch sizes without naming them; predictions are flat from these on."""
UNMEASURED_PRODUCTS = 0.8
"""GeForce boards run above their data sheet's clock, boards for servers do not: what large products reach there."""
TRANSFORMERS = ("hiera", "vit", "swin", "mvitv2")


@cache
def set_samples(entry: MeasuredSet) -> tuple[Sample, ...]:
    """The rows of a measured set, priced on its device."""
    target = device(entry.device)
    return tuple(
        sample(key, row.family, traced()[key][entry.kernels_key], target, row.batch, row.throughput)
        for row in entry.rows
        for key in [f"{row.model}@{row.pixels}"]
    )


def measured_set(device_name: str, torch: str, mode: str) -> MeasuredSet:
    """The set of that device, version and mode."""
    return next(s for s in measured_sets() if (s.device, s.torch, s.mode) == (device_name, torch, mode))


@cache
def eager_prior() -> Constants:
    """Constants of eager PyTorch on Ampere: fitted on the ViT and DeiT rows of the RTX 3090, torch 2.4."""
    rows = set_samples(measured_set("rtx-3090", "2.4.0", "eager"))
    return fit([row for row in rows if row.family == "vit"], Constants())


def transformer_samples(table: str) -> list[Sample]:
    """The paper's ViT rows of a table."""
    target, batch = device(PAPER_DEVICE), PAPER_BATCH[table]
    result = []
    for name, throughput in paper()[table]["vit"].items():
        form = paper()["transformers"][name]
        sizes = {**form, "patch": tuple(form["patch"]), "grid": tuple(form["grid"])}
        kernels = VisionTransformer(**sizes).kernels(PAPER)
        result.append(sample(name, "vit", kernels, target, batch, throughput))
    return result


def hiera_samples(table: str, graph_of: GraphOf) -> list[Sample]:
    """The paper's Hiera rows of a table."""
    rows = paper()[table]["hiera"].items()
    return [graph_sample(graph_of(name), name, table, throughput) for name, throughput in rows]


def graph_sample(graph: Graph, name: str, table: str, throughput: float) -> Sample:
    """A row of the paper, of the model that the graph is."""
    kernels = [kernel for section in kernel_list(graph, PAPER) for kernel in section.kernels.listed]
    return sample(name, "hiera", kernels, device(PAPER_DEVICE), PAPER_BATCH[table], throughput)


@cache
def paper_constants() -> Constants:
    """The eager prior with one constant fitted on the paper's three ViT rows on images."""
    return fit_scale(transformer_samples("table_17"), eager_prior())


def log_error(row: Sample, constants: Constants) -> float:
    """The logarithm of measured over predicted time."""
    return log(row.seconds / total(row.demands, constants))


def held_out_errors(rows: tuple[Sample, ...], prior: Constants) -> dict[str, dict[str, float]]:
    """Log errors by family and row, each family predicted by constants fitted on the others."""
    result: dict[str, dict[str, float]] = {}
    for family in sorted({row.family for row in rows}):
        constants = fit([row for row in rows if row.family != family], prior)
        result[family] = {row.name: log_error(row, constants) for row in rows if row.family == family}
    return result


def family_errors(mode: str) -> dict[str, list[list[float]]]:
    """Log errors of a mode's rows by family, each predicted by the others of its set, in groups for ratios.

    A group is of one set and one implementation: a ratio of two of our specs never compares two implementations.
    """
    result: dict[str, dict[tuple[str, str], list[float]]] = {}
    for entry in (one for one in measured_sets() if one.mode == mode):
        for family, errors in held_out_errors(set_samples(entry), Constants()).items():
            for name, error in errors.items():
                group = entry.name, implementation(name)
                result.setdefault(family, {}).setdefault(group, []).append(error)
    return {family: list(groups.values()) for family, groups in result.items()}


def row_out_errors(rows: tuple[Sample, ...], prior: Constants) -> dict[str, float]:
    """Log errors by row, each row predicted by constants fitted on all others."""
    return {row.name: log_error(row, fit([other for other in rows if other is not row], prior)) for row in rows}


def device_out_errors() -> dict[str, float]:
    """Log errors of eager rows of one GPU predicted by constants of the other: the data sheet alone changes."""
    pairs = (("rtx-3090", "rtx-4090"), ("rtx-4090", "rtx-3090"))
    result = {}
    for source, target in pairs:
        constants = fit(set_samples(measured_set(source, "2.4.0", "eager")), Constants())
        for row in set_samples(measured_set(target, "2.4.0", "eager")):
            result[f"{row.name} on {target} from {source}"] = log_error(row, constants)
    return result


def unmeasured_constants(mode: str) -> Constants:
    """What is assumed of a stack that nobody measured: the geometric mean of those with rows in this mode."""
    fits = [fit(set_samples(entry), Constants()) for entry in measured_sets() if entry.mode == mode]
    mean = {name: exp(sum(log(getattr(one, name)) for one in fits) / len(fits)) for name in EFFICIENCIES}
    return replace(Constants(**mean), products=UNMEASURED_PRODUCTS)


def device_spread() -> float:
    """The half-width for a device that was never measured: that of the worst of the three devices with rows.

    The third is the paper's A100, by its ViT rows: it was slower than its data sheet says by a third.
    """
    by_target: dict[str, list[float]] = {}
    for name, error in device_out_errors().items():
        by_target.setdefault(name.rpartition(" from ")[2], []).append(error)
    constants = unmeasured_constants("eager")
    worst = max(abs(log_error(row, constants)) for table in PAPER_BATCH for row in transformer_samples(table))
    return max(worst, *(spread(errors) for errors in by_target.values()))
