"""The device at hand: what it is called, what it has left, and which number formats are measured on it."""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.profile import problems
from hiera_compiler.profile.timing import Timer

DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
)
_SHORT = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16", "float": "float32"}

# What is bound when the memory ends differs from allocator to allocator; the text does not. cuBLAS and cuDNN allocate
# by themselves. The last is said of fused attention over more windows than a grid has blocks (pytorch#146704).
_TOO_LARGE = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "STATUS_ALLOC_FAILED",
    "invalid configuration argument",
)


def is_too_large(error: BaseException) -> bool:
    """Whether a device could not run something for its size alone."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _TOO_LARGE)


def let_go(error: BaseException, device: torch.device) -> None:
    """Free what an error holds: its frames keep the tensors alive that there was no memory beside."""
    traceback.clear_frames(error.__traceback__)
    if device.type == "cuda":
        torch.cuda.empty_cache()


def find_device(name: str) -> torch.device:
    """The device ``cpu``, ``cuda`` or ``cuda:1``. Raises SpecError where there is no such CUDA device."""
    kind, _, index = name.partition(":")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        # Compared as a number: torch takes none that is too large for it.
        if int(index or 0) >= count:
            raise SpecError(problems.no_cuda(torch.version.cuda is not None, count, int(index or 0)))
    return torch.device(name)


def find_dtype(name: str | None, device: torch.device) -> torch.dtype:
    """A number format by name; by default float16 on CUDA, as in the paper, and float32 on a CPU. Raises SpecError."""
    if name is None:
        return torch.float16 if device.type == "cuda" else torch.float32
    full = _SHORT.get(name, name)
    if full not in DTYPES:
        raise SpecError(problems.unknown_dtype(name, [*DTYPES, *_SHORT]))
    return DTYPES[full]


def emulates(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether products in a half-precision format are emulated: an x86 processor without instructions for them."""
    # Older versions of torch do not say.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if device.type != "cpu" or capabilities.get("architecture") != "x86_64" or dtype is torch.float32:
        return False
    short = "fp16" if dtype is torch.float16 else "bf16"
    return not (capabilities.get(f"avx512_{short}") or capabilities.get(f"amx_{short}"))


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
