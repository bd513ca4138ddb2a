"""`hiera calibrate`: measure the machine at hand, so that predictions for it rest on more than a data sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hiera_cli.options import AsJson
from hiera_cli.output import print_json

if TYPE_CHECKING:
    from hiera_compiler.estimate.calibrated import CalibratedRegime, Calibration


def calibrate(
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="What to measure.")] = "cpu",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write there, and not to the user's data directory.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What predictions know it by; by default cpu, or the device's own name."),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Measure compiled models as well (compiling takes minutes).")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Measure for seconds, not minutes; intervals widen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure this machine, so that speed on it is predicted well.

    Takes about two minutes for single kernels and a few whole models, and keeps what predictions need. `hiera profile
    SPEC --device NAME` predicts from it, as `--device FILE` does from a file that --out wrote. Close what else keeps
    the machine busy.
    """
    from hiera_cli.bars import Bars
    from hiera_cli.files import write
    from hiera_compiler.estimate.calibration import require_name

    require_name(name)
    if out is not None:
        _require_folder(out)
    from hiera_compiler.profile import calibration, machine
    from hiera_compiler.profile.calibration_plan import plan_for

    machine.find_device(device)
    with Bars() as bars:
        plan = plan_for(device, quick)
        found = calibration.calibrate(device, compiled=compiled, name=name, plan=plan, progress=bars)
    path = out or _kept_at(found)
    write(path, found.text())
    if as_json:
        print_json({"file": str(path)} | data(found))
        return
    typer.echo("\n\n".join([*(table(found, one) for one in found.regimes), _closing(found, path)]))


def data(found: Calibration) -> dict[str, Any]:
    """The calibration as plain data, with the error on models that were left out."""
    plain = found.model_dump(mode="json")
    for one, regime in zip(plain["regimes"], found.regimes, strict=True):
        one["held_out_error"] = regime.held_out_error
    return plain


def table(found: Calibration, regime: CalibratedRegime) -> str:
    """Whole models as measured, and as predicted from what was measured without them."""
    from hiera_cli.columns import columns

    header = [f"{found.name}, {regime.regime}", "batch", "ms measured", "ms predicted without it", "throughput error %"]
    rows = []
    for one in regime.anchors:
        held_out = "" if one.held_out_seconds is None else f"{1000 * one.held_out_seconds:.3g}"
        error = "" if one.error is None else f"{100 * one.error:+.1f}"
        rows.append([one.model, str(one.batch), f"{1000 * one.seconds:.3g}", held_out, error])
    mean = regime.held_out_error
    left_out = "no model was left out" if mean is None else f"mean error on models left out: {100 * mean:.1f} %"
    single = f"{regime.microbenchmarks} single kernels fitted to {100 * regime.microbenchmark_error:.0f} % in the mean"
    lines = [columns(header, rows, right=range(1, 5)), f"{left_out}; tier {regime.tier}; {single}"]
    if regime.host_bound:
        lines.append(f"not used, since launching took longer than running: {', '.join(regime.host_bound)}")
    return "\n".join(lines)


def _closing(found: Calibration, path: Path) -> str:
    lines = [f"wrote {path}"]
    if found.sustained is not None and found.sustained < 0.95:
        lines.append(f"under steady load the clock sank to {100 * found.sustained:.0f} % of what it was at first")
    return "\n".join(lines)


def _require_folder(out: Path) -> None:
    """Before two minutes of measuring: raises SpecError where there is no folder to write the file to."""
    import errno
    import os

    from hiera_compiler.artifact.problems import not_written
    from hiera_compiler.diagnostics import SpecError

    folder = out.parent
    reason = errno.ENOENT if not folder.exists() else errno.EISDIR if out.is_dir() else None
    if reason is None and not os.access(folder, os.W_OK):
        reason = errno.EACCES
    if reason is not None:
        raise SpecError(not_written(out, OSError(reason, "")))


def _kept_at(found: Calibration) -> Path:
    from hiera_compiler.artifact.problems import not_written
    from hiera_compiler.diagnostics import SpecError
    from hiera_compiler.estimate.calibration import SUFFIX, folder

    path = folder() / f"{found.name}{SUFFIX}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(not_written(path, error)) from None
    return path
