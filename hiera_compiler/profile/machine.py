"""The device at hand: what it is called, what it has left, and which number formats are measured on it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.profile import problems
from hiera_compiler.profile.timing import Timer

DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
)
_SHORT = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16", "float": "float32"}


def find_device(name: str) -> torch.device:
    """The device ``cpu``, ``cuda`` or ``cuda:1``. Raises SpecError where there is no such CUDA device."""
    device = torch.device(name)
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise SpecError(problems.no_cuda(torch.version.cuda is not None))
    return device


def find_dtype(name: str | None, device: torch.device) -> torch.dtype:
    """A number format by name; by default float16 on CUDA, as in the paper, and float32 on a CPU. Raises SpecError."""
    if name is None:
        return torch.float16 if device.type == "cuda" else torch.float32
    full = _SHORT.get(name, name)
    if full not in DTYPES:
        raise SpecError(problems.unknown_dtype(name, [*DTYPES, *_SHORT]))
    return DTYPES[full]


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a number format, such as ``float16``."""
    return str(dtype).removeprefix("torch.")


def device_name(device: torch.device) -> str:
    """What the device calls itself, such as ``NVIDIA H200`` or the processor's model."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine() or "cpu"


def timer(device: torch.device) -> Timer:
    """A timer that waits for the device."""
    if device.type == "cuda":
        return Timer(synchronise=lambda: torch.cuda.synchronize(device))
    return Timer()


def available_memory() -> int | None:
    """Bytes of main memory that can still be allocated, within the limits of a container; none where unknown."""
    found = [_system_memory(), _container_memory()]
    return min((amount for amount in found if amount is not None), default=None)


def _system_memory() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _container_memory() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = ((folder / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return None if limit == "max" else max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return None
