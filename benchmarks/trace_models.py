"""The kernel lists of the public models whose throughput is known, as data: `evidence/kernels.json`.

Needs timm and hiera-transformer (the `dev` extra). Hiera is the authors' package: timm's rows were measured when
its Hiera, like the authors', called attention with 5-D tensors in every block.

Run it as `python -m benchmarks.trace_models`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import astuple, replace
from typing import Any

import torch
from torch import nn

from hiera_compiler.estimate.evidence import FOLDER, measured_sets
from hiera_compiler.estimate.fusion import EXTERNAL, fuse
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.tape import Call
from tests.support.public_packages import hiera_reference, timm
from tests.support.trace import trace

BATCH = 2


def build(name: str) -> nn.Module:
    """A public model on the meta device."""
    if name.startswith("hiera_") and "abswin" not in name:
        return getattr(hiera_reference(), name)().to("meta")  # type: ignore[no-any-return]
    package = timm()
    if "hiera" in name:
        _attend_as_then(package)
    with torch.device("meta"):
        return package.create_model(name).eval()  # type: ignore[no-any-return]


def _attend_as_then(package: Any) -> None:
    """Hiera as in timm at the time of the measurements: windows, or one window that is all, as a fifth axis."""
    attention = package.models.hiera.MaskUnitAttention

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, _ = x.shape
        windows = tokens // (self.q_stride * self.window_size) if self.use_mask_unit_attn else 1
        qkv = self.qkv(x).reshape(batch, -1, windows, 3, self.heads, self.head_dim).permute(3, 0, 4, 2, 1, 5)
        q, k, v = qkv.unbind(0)
        if self.q_stride > 1:
            q = q.view(batch, self.heads, windows, self.q_stride, -1, self.head_dim).amax(dim=3)
        x = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 3).reshape(batch, -1, self.dim_out))  # type: ignore[no-any-return]

    attention.forward = forward


def kernels(calls: list[Call], compiled: bool) -> list[Kernel]:
    """Kernels without names, equal ones counted; fp32 products run as TF32, which timm's benchmark turns on."""
    listed = fuse(calls, BATCH) if compiled else [kernel(call, BATCH) for call in calls]
    products = {"product", "convolution"}
    listed = [replace(k, dtype="tf32") if k.kind in products and k.dtype == "fp32" else k for k in listed]
    return [replace(k, count=n) for k, n in Counter(replace(k, node="") for k in listed).items()]


def main() -> None:
    """Trace every measured model and write the lists."""
    wanted = sorted({(row.model, row.pixels) for entry in measured_sets() for row in entry.rows})
    table: dict[tuple[Any, ...], int] = {}
    lists: dict[str, dict[str, list[int]]] = {}
    for name, pixels in wanted:
        start = time.monotonic()
        module = build(name)
        image = torch.empty((BATCH, 3, pixels, pixels), device="meta")
        entry = lists.setdefault(f"{name}@{pixels}", {})
        for upcast in (False, True):
            calls = trace(module, image, autocast=True, upcast_attention=upcast)
            for compiled in (False, True):
                key = f"{'compiled' if compiled else 'eager'}-{'fp32' if upcast else 'half'}-math"
                rows = [astuple(k) for k in kernels(calls, compiled)]
                entry[key] = [table.setdefault(row, len(table)) for row in rows]
        print(f"{name}@{pixels}: {len(calls)} calls, {time.monotonic() - start:.1f} s")
    document = {"kernels": [[_short(value) for value in row] for row in table], "models": lists}
    (FOLDER / "kernels.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(len(table), "distinct kernels;", len(EXTERNAL), "external calls")


def _short(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


if __name__ == "__main__":
    main()
