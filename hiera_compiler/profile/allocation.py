"""The memory that torch allocates during a call."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch

from hiera_compiler.profile.timing import Call, Timer


def most_allocated(call: Call, device: torch.device, timer: Timer) -> int:
    """The most bytes that were allocated at one time during a call, beyond those before it."""
    if device.type != "cuda":
        return _in_main_memory(call)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    timer.synchronise()
    return torch.cuda.max_memory_allocated(device) - before


def _in_main_memory(call: Call) -> int:
    """The same of main memory, of which only torch's profiler reports each allocation."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        call()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(file))
        events = json.loads(file.read_text(encoding="utf-8"))["traceEvents"]
    reports = [event["args"] for event in events if event.get("name") == "[memory]"]
    reports = [report for report in reports if report["Device Type"] == 0]
    if not reports:
        return 0
    before = reports[0]["Total Allocated"] - reports[0]["Bytes"]
    return int(max(report["Total Allocated"] for report in reports)) - int(before)
