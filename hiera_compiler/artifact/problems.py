"""H7xx: what keeps a spec from becoming an artifact."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hiera_compiler.diagnostics import Diagnostic, Label, Span, SpecError, Text, any_of, code, did_you_mean, quoted


class BuildError(SpecError):
    """A build that wrote nothing; ``diagnostics`` say why."""


@code("H701")
def foreign_folder(folder: Path, strays: Sequence[str]) -> Diagnostic:
    """The folder holds something other than an artifact.

    A build replaces the whole folder, so it replaces only what a build has written: a folder with a
    `summary.json` that lists every file in it. `--force` replaces any folder, with all that is in it.
    """
    shown = ", ".join(quoted(name) for name in strays[:3]) + (", ..." if len(strays) > 3 else "")
    message = f"{_path(folder)} would be replaced, and it holds what no build has written: {shown}"
    return Diagnostic("H701", message, (_whole(folder),), "name another folder, or replace this one with --force")


@code("H702")
def not_written(path: Path, error: Exception) -> Diagnostic:
    """A file or folder cannot be written.

    The message gives the operating system's reason. Nothing is left behind, and an artifact that was there
    before is as it was.
    """
    reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "the disk is full"
    message = f"{_path(path)} cannot be written: {reason}"
    help = "name a place in a folder that exists and that you may write to, on a disk with space left"
    if isinstance(error, IsADirectoryError):
        help = "name a file in it"
    return Diagnostic("H702", message, (_whole(path),), help)


@code("H703")
def not_a_folder(path: Path) -> Diagnostic:
    """An artifact is a folder, and there is a file of that name."""
    return Diagnostic("H703", f"{_path(path)} is a file", (_whole(path),), "name another folder, or remove the file")


@code("H704")
def folder_in_use(folder: Path, inside: Path) -> Diagnostic:
    """The folder that would be replaced holds your home or the folder you work in.

    A build replaces its folder as a whole; this one is refused even with `--force`.
    """
    message = f"{_path(folder)} would be replaced, and {_path(inside)} is in it"
    return Diagnostic("H704", message, (_whole(folder),), f"name a folder inside it, such as {folder / 'artifact'}")


@code("H705")
def disk_too_small(folder: Path, needed: int, free: int) -> Diagnostic:
    """The disk has less space than the artifact will need.

    The weights take four bytes for each parameter, and are written once more into each `export` and `onnx` file.
    """
    message = f"the artifact needs {needed / 1e6:.0f} MB, and the disk of {_path(folder)} has {free / 1e6:.0f} MB left"
    return Diagnostic("H705", message, (_whole(folder),), "name a folder on another disk, or ask for fewer formats")


@code("H710")
def unknown_format(name: str, known: Sequence[str]) -> Diagnostic:
    """There is no such export format.

    Each format is one file of `hiera_compiler/artifact/formats`.
    """
    near = did_you_mean(name, known)
    help = f"did you mean {quoted(near)}?" if near else f"use {any_of(known)}"
    return Diagnostic("H710", f"no export format is named {quoted(name)}", (), help)


@code("H711")
def packages_missing(name: str, extra: str, missing: Sequence[str]) -> Diagnostic:
    """The packages of an export format are not installed.

    They are an extra, because running a model does not need them.
    """
    message = f"the format {quoted(name)} needs {', '.join(missing)}, not installed here"
    return Diagnostic("H711", message, (), f"pip install 'hiera-compiler[{extra}]'")


@code("H712")
def no_device(device: str) -> Diagnostic:
    """The device to build on is not there, or this torch was built without support for it."""
    return Diagnostic("H712", f"torch finds no device {quoted(device)} on this machine", (), "use --device cpu")


@code("H720")
def no_compiler(command: str) -> Diagnostic:
    """There is no C++ compiler, so the model was built but not compiled.

    On a CPU, torch.compile writes C++ and calls g++, or what the environment variable CXX names. Everything
    else is built and checked as usual; the artifact's summary says that it was not compiled.
    """
    help = "apt install g++ (Debian, Ubuntu), dnf install gcc-c++ (Fedora) or xcode-select --install (macOS)"
    message = f"no C++ compiler: {quoted(command)} cannot be run here"
    return Diagnostic("H720", message, (), help, ("built without compiling",), "warning")


@code("H721")
def compiler_failed(reason: str) -> Diagnostic:
    """The machine could not compile the model, so it was built but not compiled.

    The usual reasons are a C++ compiler without its headers or Python's, a missing Triton, and a cache folder
    that cannot be written. The message gives the first line that the compiler complained with.
    """
    help = "apt install g++ python3-dev (Debian, Ubuntu), or build with --no-compile"
    return Diagnostic("H721", f"compiling failed: {reason}", (), help, ("built without compiling",), "warning")


@code("H730")
def outputs_differ(what: str, difference: float, tolerance: float) -> Diagnostic:
    """Two forms of one model gave different outputs.

    The difference is the largest of any output value, relative to the largest value of that output. This is a
    fault of the compiler and not of your spec: the artifact was not written.
    """
    return Diagnostic(
        "H730",
        f"{what} and eager outputs differ by {difference:.1e}, and {tolerance:.0e} is the most allowed",
        (),
        "report it with the spec, the versions of torch and hiera-compiler, and your processor",
        ("this is a bug of the Hiera compiler, not of the spec; nothing was written",),
    )


@code("H731")
def not_finite(output: str, names: Sequence[str], weights: str | os.PathLike[str] | None) -> Diagnostic:
    """The model's output is not finite, so that nothing can be compared with it.

    Weights that hold infinities or NaN, or that were made for another architecture, give such outputs.
    """
    message = f"{output} has values that are not finite"
    place = () if weights is None else (_whole(Path(weights)),)
    help = "use a checkpoint whose values are finite" if weights else "use less extreme numbers in the spec"
    return Diagnostic("H731", message, place, help, (f"not finite themselves: {_few(names)}",) if names else ())


@code("H740")
def no_picture(name: str, reason: str) -> Diagnostic:
    """The file cannot be read as a picture.

    Read are the formats of the package pillow, such as PNG, JPEG and WebP; for a clip animated ones, such as GIF.
    """
    help = "name a PNG or JPEG file, or for a clip a GIF or WebP file that moves"
    return Diagnostic("H740", f"the picture cannot be read: {reason}", (_whole(Path(name)),), help)


@code("H741")
def target_is_no_picture(place: Span) -> Diagnostic:
    """The masked autoencoder predicts histograms of gradients, and only predicted pixels make a picture."""
    label = Label(place, "predicts histograms of gradients")
    return Diagnostic("H741", "what is predicted is no picture", (label,), "set mae.target=pixel, with weights for it")


@code("H742")
def no_colours(place: Span, channels: int) -> Diagnostic:
    """The input of the spec has other channels than a picture, which has one (grey) or three (colours)."""
    message = f"the input has {channels} channels, and a picture has 1 or 3"
    return Diagnostic("H742", message, (Label(place, f"{channels} channels"),), "use a spec whose input has 3 channels")


@code("H743")
def no_pillow() -> Diagnostic:
    """The package pillow, which reads and writes pictures, is not installed.

    It is an extra, because models need no pictures.
    """
    return Diagnostic("H743", "pictures need pillow, not installed here", (), "pip install 'hiera-compiler[pictures]'")


@code("H744")
def other_decoder(file: str | os.PathLike[str], missing: Sequence[str], unused: Sequence[str]) -> Diagnostic:
    """The weights lack what predicts pixels, or are those of a decoder with more blocks, or one that sees all scales.

    What is predicted would be noise. Files of pretraining have a decoder, such as `mae_hiera_base_224.pth`.
    """
    facts = [f"{what}: {_few(names)}" for what, names in (("missing", missing), ("not used", unused)) if names]
    message = "the weights are not those of this autoencoder with its decoder, and would predict noise"
    return Diagnostic("H744", message, (_whole(Path(file)),), "name a file of masked pretraining", tuple(facts))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _path(path: Path) -> str:
    return quoted(path, longest=300)


def _whole(path: Path) -> Label:
    return Label(Span(Text(str(path), ""), 1, 1, 1, 1))
