"""The device at hand as prices refer to it."""

from __future__ import annotations

import re

import torch

from hiera_compiler.devices import Device, device, names
from hiera_compiler.profile import machine, roofline
from hiera_compiler.profile.timing import Timer

MEASURED = "measured: the best rates of square products and copies"
_FORMS = {"40gb", "80gb", "sxm"}
"""Words of our names that those of drivers have not, or write in other ways; the memory tells these apart."""
_OTHERS = {"ti", "super", "laptop", "pcie", "nvl", "d", "max"}
"""Words that make a board another one than the data sheet's."""


def described(at: torch.device, name: str | None, timer: Timer) -> Device:
    """The device by its data sheet where it is a known one, else by rates measured now."""
    title = machine.device_name(at)
    if at.type == "cuda":
        found = known(title, torch.cuda.get_device_properties(at).total_memory) or _measured_gpu(at, title, timer)
    else:
        found = _measured_cpu(at, title, timer)
    return found.model_copy(update={"name": name}) if name else found


def known(title: str, memory_bytes: int) -> Device | None:
    """The device whose data sheet is that of a board, by what its driver calls it and by its memory to a tenth."""
    words = set(re.split(r"[\s-]+", title.lower()))
    for one in map(device, names()):
        same_memory = abs(memory_bytes / one.memory_bytes - 1) < 0.1
        if same_memory and set(one.name.split("-")) - _FORMS <= words and not words & _OTHERS:
            return one
    return None


def _measured_cpu(at: torch.device, title: str, timer: Timer) -> Device:
    rates, generic = roofline.ceilings(at, torch.float32, timer), device("cpu")
    return generic.model_copy(
        update={
            "title": title,
            "source": MEASURED,
            "multiprocessors": torch.get_num_threads(),
            "memory_bytes": float(machine.available_memory() or generic.memory_bytes),
            "bandwidth": rates.bandwidth,
            "flops": {"fp32": rates.flops},
        }
    )


def _measured_gpu(at: torch.device, title: str, timer: Timer) -> Device:
    """Lanes, clock and power, which torch does not report, are those of a known board; efficiencies are fitted."""
    properties, like = torch.cuda.get_device_properties(at), device("a10g")
    half, full = (roofline.ceilings(at, dtype, timer) for dtype in (torch.float16, torch.float32))
    return like.model_copy(
        update={
            "name": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:64],
            "title": title,
            "source": MEASURED,
            "multiprocessors": properties.multi_processor_count,
            "memory_bytes": float(properties.total_memory),
            "bandwidth": half.bandwidth,
            "flops": {"fp16": half.flops, "fp32": full.flops},
        }
    )
