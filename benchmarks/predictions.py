"""How good the predictions are, printed: `python -m benchmarks.predictions > benchmarks/results/predictions.md`."""

from __future__ import annotations

import hiera_compiler as hc
from hiera_compiler.estimate.evaluation import Evaluation, evaluate


def report(result: Evaluation) -> str:
    """The evaluation as Markdown."""
    lines = ["# Predicted throughput against published", ""]
    lines += ["No A100 was available: A100 rows compare with the paper's figures, they validate nothing.", ""]
    lines += _header("held-out rows", "n", "mean error", "worst", "goal", "met", "constants fitted on")
    for entry in result.summaries:
        goal = "" if entry.goal is None else f"{entry.goal:.1%}"
        met = {None: "", True: "yes", False: "no"}[entry.met]
        cells = (entry.title, entry.rows, f"{entry.mean:.1%}", f"{entry.worst:.1%}", goal, met, entry.fitted_on)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", *_header("90 % intervals", "inside", "rows", "share", "met")]
    for part in result.coverages:
        met = "yes" if part.met else "no"
        lines.append(f"| {part.title} | {part.inside} | {part.rows} | {part.share:.0%} | {met} |")
    lines += ["", *_header("table", "row", "unit", "published", "predicted", "90 % interval", "error")]
    for row in result.rows:
        figures = f"{row.published:g} | {row.predicted:.4g} | {row.low:.4g} to {row.high:.4g} | {row.error:+.1%}"
        lines.append(f"| {row.table} | {row.name} | {row.unit} | {figures} |")
    lines += ["", f"Not predicted, for want of a graph: {', '.join(row.name for row in result.unpredicted)}."]
    return "\n".join(lines)


def _header(*names: str) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


if __name__ == "__main__":
    print(report(evaluate(lambda name: hc.compile(name).graph)))
