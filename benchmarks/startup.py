"""CPU time of the light commands against `import torch`, each in new processes, interleaved.

python -m benchmarks.startup [--quick]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.interleaved import interleave, progress
from benchmarks.table import regime, table

SPEC = Path(__file__).parent.parent / "specs" / "hiera_b.yaml"
HIERA = [sys.executable, "-c", "import sys; from hiera_cli.main import main; sys.exit(main())"]

TORCH = "import torch"
COMMANDS: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    TORCH: [sys.executable, "-c", "import torch"],
    "hiera --help": [*HIERA, "--help"],
    "hiera check specs/hiera_b.yaml": [*HIERA, "check", str(SPEC)],
}
GOALS = {"hiera --help": 0.05, "hiera check specs/hiera_b.yaml": 0.2}


def main() -> None:
    """Starts every command in every round and prints one table."""
    options = _options()
    header = regime(
        ["torch", "typer", "pydantic", "PyYAML", "networkx"],
        clock=f"CPU seconds (user and system) of the process, median of {options.rounds} interleaved rounds",
        ratio="median over rounds of the ratio within the round",
    )
    progress("starting processes")
    timed = interleave({name: _start(command) for name, command in COMMANDS.items()}, options.rounds, _children)
    rows = []
    for name in COMMANDS:
        goal = f"{GOALS[name]:.2f}" if name in GOALS else ""
        rows.append([name, f"{timed.median(name) * 1e3:.0f}", f"{timed.speed(TORCH, name):.3f}", goal])
    print(f"# Start-up\n\n{header}\n\n{table(('command', 'CPU ms', 'over import torch', 'goal'), rows)}")


def _start(command: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _children() -> float:
    """CPU seconds of the processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    if options.quick:
        options.rounds = 5
    return options


if __name__ == "__main__":
    main()
