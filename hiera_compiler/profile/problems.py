"""H51x and H52x: what keeps a model from being measured."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, any_of, code, did_you_mean, quoted

_LESS = "use a smaller input, or half precision where the device has it"


@code("H510")
def no_cuda(has_support: bool, count: int = 0, index: int = 0) -> Diagnostic:
    """A CUDA device was asked for, and torch finds none.

    Either the machine has none or its driver does not work, or this torch was built for CPUs alone. What a
    model would do on a device that is not here can be predicted: leave `--measure` out and name the device.
    """
    why = "torch finds no CUDA device on this machine" if has_support else "this torch was built without CUDA"
    if count:
        message = f"CUDA device {index} was asked for, and there are {count}, counted from 0"
        return Diagnostic("H510", message, (), f"use --device cuda:{count - 1}, or --device cuda for the first")
    help = "measure with --device cpu, or predict by naming a device, such as --device a100-40gb"
    return Diagnostic("H510", f"CUDA was asked for, and {why}", (), help)


@code("H511")
def not_a_batch(batch: object) -> Diagnostic:
    """A batch is a count of samples, one or more, or the word `auto`."""
    message = f"a batch is a whole number from 1 to 999999999, or auto, and this is {quoted(batch)}"
    return Diagnostic("H511", message, (), "use --batch auto, or a number such as --batch 16")


@code("H512")
def batch_too_large(name: str, batch: int, needed: int | None, available: int | None) -> Diagnostic:
    """The device has no memory for the batch.

    On a CPU this is said before anything is allocated: the activations that the model needs at once, as counted
    on the meta device, against a share of the memory that the system has available. On a GPU it is what the
    allocator said, or a kernel that cannot be launched over so many windows. The help names a batch that fits where
    the figures are known.
    """
    if needed is None or available is None:
        message = f"{quoted(name)} at batch {batch} does not fit in the device's memory"
        return Diagnostic(
            "H512", message, (), "use --batch auto, which takes the best that fits" if batch > 1 else _LESS
        )
    fits = available * batch // needed
    message = (
        f"{quoted(name)} at batch {batch} needs about {needed / 1e9:.3g} GB, and {available / 1e9:.3g} GB may be used"
    )
    help = f"use --batch {fits} or less, or --batch auto" if fits else _LESS
    return Diagnostic("H512", message, (), help)


@code("H513")
def unknown_dtype(name: str, known: Iterable[str]) -> Diagnostic:
    """There is no such number format, or models are not measured in it."""
    names = list(known)
    near = did_you_mean(name, names)
    help = f"did you mean {quoted(near)}?" if near else f"use {any_of(names)}"
    return Diagnostic("H513", f"no number format is named {quoted(name)}", (), help)


@code("H514")
def cannot_compile(name: str, reason: str) -> Diagnostic:
    """The model cannot be compiled as full graphs here, so no compiled figure was taken.

    torch.compile may leave parts of a model uncompiled, or be switched off as a whole by the environment. An
    eager figure under the name of a compiled one would mislead, so anything but a full graph ends the run. The
    message gives the first line of torch's complaint.
    """
    return Diagnostic("H514", f"{quoted(name)} cannot be compiled: {reason}", (), "measure it with --regime eager")


def nothing_to_compile_with(name: str, missing: str) -> Diagnostic:
    """The same fault where the machine lacks what compiling needs."""
    help = "apt install g++ (Debian, Ubuntu), or measure with --regime eager"
    if missing == "Triton":
        help = "pip install triton, or measure with --regime eager"
    return Diagnostic("H514", f"{quoted(name)} cannot be compiled: there is no {missing} here", (), help)


@code("H515")
def timm_missing(reason: str) -> Diagnostic:
    """`timm:NAME` needs the package timm, which is an extra.

    timm imports torchvision, whose version must belong to that of torch. Where torch is a build for CPUs and
    torchvision one for CUDA, the two operators that keep torchvision from being imported are declared for it.
    """
    return Diagnostic("H515", f"timm cannot be imported: {reason}", (), "pip install 'hiera-compiler[peers]'")


@code("H516")
def unknown_timm_model(name: str, known: Iterable[str]) -> Diagnostic:
    """There is no such model in timm."""
    near = did_you_mean(name, (one for one in known if one[:2].lower() == name[:2].lower()))
    help = f"did you mean {quoted(f'timm:{near}')}?" if near else "timm.list_models() lists its models"
    return Diagnostic("H516", f"timm has no model named {quoted(name)}", (), help)


@code("H517")
def not_a_factory(target: str, reason: str) -> Diagnostic:
    """`module:FILE.py:FACTORY` names a Python file and a function in it that gives a torch module.

    The file is run, by this explicit request alone; no spec can name one. The function is called without
    arguments. The module's input has the shape of its attribute `input_shape`, without the batch, else
    (3, 224, 224).
    """
    help = "name a file and a function in it that gives a torch module, as in module:my_model.py:make"
    return Diagnostic("H517", f"{quoted(target, longest=200)} gives no module: {reason}", (), help)


@code("H518")
def cannot_trace(name: str, reason: str) -> Diagnostic:
    """The model does not run on the meta device, where its parameters and multiply-accumulates are counted.

    Models that look at the values of tensors, or that make tensors on a device of their own choice, cannot be
    traced so. The message gives the first line of the error.
    """
    help = "let the model choose shapes by sizes, not by values, and take devices from its inputs"
    return Diagnostic("H518", f"{quoted(name)} cannot be traced: {reason}", (), help)


@code("H519")
def trace_not_written(path: Path, error: OSError) -> Diagnostic:
    """The folder for traces cannot be written. The message gives the operating system's reason."""
    reason = os.strerror(error.errno).lower() if error.errno else "the disk is full"
    place = Label(Span(Text(str(path), ""), 1, 1, 1, 1))
    message = f"{quoted(path, longest=300)} cannot be written: {reason}"
    return Diagnostic("H519", message, (place,), "name a folder that you may write to")


@code("H520")
def unsupported(name: str, dtype: str, device: str, reason: str) -> Diagnostic:
    """The model does not run in this number format on this device.

    Not every operator has an implementation for every format. The message gives the first line of the error.
    """
    message = f"{quoted(name)} does not run in {dtype} on {device}: {reason}"
    return Diagnostic("H520", message, (), "measure it in another format, such as --dtype float32")


@code("H521")
def slow_format(dtype: str, processor: str) -> Diagnostic:
    """The processor has no instructions for products in this number format.

    Its products are emulated, and take many times as long as in float32; so does everything that is measured. The
    figures are true of this machine, and say nothing of one that has such instructions.
    """
    message = f"{processor} has no instructions for products in {dtype}: measuring takes many times as long"
    return Diagnostic("H521", message, (), "use --dtype float32 for speed here", severity="warning")


@code("H522")
def no_memory_to_calibrate(what: str) -> Diagnostic:
    """The device's memory ended while it was calibrated.

    A calibration runs whole models, on CUDA at batches to 128. Nothing is written.
    """
    message = f"the memory of the device ends at {what}"
    return Diagnostic("H522", message, (), "end what else uses the device, or measure less with --quick")
