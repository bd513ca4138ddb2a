"""The profiles that ship: constants and intervals from published rows, to `estimate/evidence/profiles.yaml`.

Run it as `python -m benchmarks.fit_profiles`.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from math import log
from typing import Any

import yaml

from hiera_compiler.estimate.anchors import (
    device_spread,
    family_errors,
    measured_set,
    paper_constants,
    row_out_errors,
    set_samples,
    unmeasured_constants,
)
from hiera_compiler.estimate.conformal import ratio_spread, spread
from hiera_compiler.estimate.evidence import FOLDER, MeasuredSet, measured_sets, traced
from hiera_compiler.estimate.fit import fit
from hiera_compiler.estimate.price import Constants

ROWS = "rows of timm's public results tables (2026-01)"
HEADER = """\
# Profiles: constants, and half-widths of 90 % intervals in the logarithm of time. Written by
# `python -m benchmarks.fit_profiles`; see docs of hiera_compiler.estimate.profiles for the fields.
"""


def widths(mode: str) -> tuple[float, float, float]:
    """Half-widths for a left-out row, for a left-out family, and for the ratio of two models of one family."""
    rows: list[float] = []
    for entry in (s for s in measured_sets() if s.mode == mode):
        rows += row_out_errors(set_samples(entry), Constants()).values()
    families = family_errors(mode)
    pooled = [error for groups in families.values() for errors in groups for error in errors]
    return spread(rows), spread(pooled), ratio_spread(errors for groups in families.values() for errors in groups)


def kinds(entry: MeasuredSet) -> list[str]:
    """The kinds of kernels in the lists of a set's models."""
    lists = (traced()[f"{row.model}@{row.pixels}"][entry.kernels_key] for row in entry.rows)
    return sorted({kernel.kind for listed in lists for kernel in listed} | {"copy"})


def fitted() -> list[dict[str, Any]]:
    """One entry for each stack that published rows are of."""
    eager, compiled = widths("eager"), widths("compiled")
    paper = profile(
        "a100-40gb",
        "paper-eager-amp",
        "B",
        paper_constants(),
        eager[1],
        eager[2],
        "one scale fitted on the paper's three ViT rows on images; efficiencies on ViT and DeiT rows of an RTX 3090, "
        "torch 2.4; never checked on an A100 by this project",
        ["cast", "convolution", "copy", "element-wise", "norm", "product", "softmax"],
    )
    entries = [paper]
    sources = (
        ("rtx-3090", "2.4.0", "eager", eager),
        ("rtx-4090", "2.9.1", "eager", eager),
        ("rtx-4090", "2.9.1", "compiled", compiled),
    )
    for name, torch, mode, (row, family, ratio) in sources:
        source = measured_set(name, torch, mode)
        constants = fit(set_samples(source), Constants())
        text = f"{len(source.rows)} {ROWS}: {name}, torch {torch}, {mode}, autocast"
        entries.append(profile(name, f"{mode}-amp", "A", constants, row, ratio, text, kinds(source)))
        other = f"{text}; half-precision weights were not measured"
        entries.append(profile(name, f"{mode}-half", "B", constants, family, ratio, other, kinds(source)))
    return entries


def unmeasured() -> dict[str, dict[str, Any]]:
    """What is assumed of stacks that nobody measured."""
    width = device_spread()
    result = {}
    for mode in ("eager", "compiled"):
        ratio = widths(mode)[2]
        constants = unmeasured_constants(mode)
        text = f"data sheet only; efficiencies are those of {mode} rows of other devices ({ROWS})"
        for precision in ("amp", "half"):
            result[f"{mode}-{precision}"] = profile("", "", "C", constants, width, ratio, text)
        scalar = replace(Constants(), products=0.5, memory=0.6, lanes=0.5, launch=5e-6)
        text = "no data sheet and no measurement: an assumed CPU, right within a factor of two or three"
        result[f"{mode}-fp32"] = profile("", "", "C", scalar, log(2.5), 3 * ratio, text)
    return result


def profile(
    device: str, regime: str, tier: str, constants: Constants, width: float, ratio: float, text: str, kinds: Any = ()
) -> dict[str, Any]:
    """An entry of the file. What two models have in common cancels: a ratio errs by no more than either."""
    ratio = min(ratio, width)
    entry: dict[str, Any] = {"device": device, "regime": regime} if device else {}
    entry |= {"tier": tier, "spread": round(width, 4), "ratio_spread": round(ratio, 4)}
    entry["constants"] = {name: float(f"{value:.4g}") for name, value in asdict(constants).items()}
    entry["provenance"] = text
    return entry | ({"kinds": list(kinds)} if kinds else {})


def main() -> None:
    """Fit and write."""
    document = {"fitted": fitted(), "unmeasured": unmeasured()}
    text = yaml.safe_dump(document, sort_keys=False, width=110, default_flow_style=None)
    (FOLDER / "profiles.yaml").write_text(HEADER + text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
