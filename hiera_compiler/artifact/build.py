"""A compilation to a folder of verified files."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from hiera_compiler.artifact import folder
from hiera_compiler.artifact.format import formats
from hiera_compiler.artifact.report import Report
from hiera_compiler.artifact.task import Options, Progress, Task
from hiera_compiler.pipeline import Compilation

SPARE = 4 << 20
"""Bytes for the files that hold no weights."""


@dataclass(frozen=True)
class Artifact:
    """A folder that a build has written, and what it found out."""

    path: Path
    report: Report


def build(
    compilation: Compilation,
    path: str | PathLike[str],
    options: Options | None = None,
    progress: Progress = lambda step: None,
) -> Artifact:
    """Make the module, verify it in each of its forms, and write the folder, all or nothing.

    The weights are those of ``options.weights``, else initial ones that are the same at every build. Raises
    SpecError for the spec and the weights, and BuildError where nothing could be built; then nothing was
    written. A machine that cannot compile is no error: the report has a warning.
    """
    options, shown = options or Options(), Path(path)
    wanted = formats(options.emit)
    parameters = compilation.graph.parameter_count
    with folder.replaced(shown, options.force) as new:
        copies = 1 + sum(format.holds_weights for format in wanted.values())
        folder.require_space(new, shown, copies * 4 * parameters + SPARE)
        progress("loading torch")
        from hiera_compiler.artifact import contents

        report = contents.write(Task(compilation, options, new, shown, progress), wanted)
    return Artifact(shown, report)
