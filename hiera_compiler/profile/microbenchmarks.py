"""Single kernels of the family's shapes: what is run, beside what the kernel list says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.regime import Regime
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.profile.timing import Call

New = Callable[..., Tensor]
"""A new tensor of normal noise, by its sizes."""

TOKENS = (3136, 784, 196, 49)
"""Tokens of an image of 224 pixels in each stage."""
WIDTHS = (96, 192, 384, 768)
LENGTHS = (4, 16, 49, 64, 196, 256, 784, 1568)
"""Tokens that attend to each other: in mask units of later and earlier stages, and in whole images and clips."""
HEAD_WIDTHS = (64, 96)
OTHER_HEAD_WIDTHS = (56, 72)
"""Of the wider models; run at two lengths."""
CHAIN = 200
"""Launches that are timed together."""


@dataclass(frozen=True)
class Microbenchmark:
    """A call, made on a device when it is needed, and its kernels; `launches` of them make one timed call."""

    name: str
    kernels: tuple[Kernel, ...]
    make: Callable[[New], Call]
    launches: int = 1


def groups(regime: Regime, images: Sequence[int], elements: Sequence[int]) -> list[tuple[str, list[Microbenchmark]]]:
    """All microbenchmarks by kind, for batches of so many images and streams of so many elements."""
    largest = max(images)
    return [
        ("products", [one for count in images for one in _products(regime, count)]),
        ("attention", list(_attentions(regime, largest * TOKENS[0]))),
        ("convolutions", [_patches(regime, count) for count in images]),
        ("streams", [one for count in elements for one in _streams(regime, count)]),
        ("launches", [_launches(regime)]),
    ]


def _products(regime: Regime, images: int) -> Iterator[Microbenchmark]:
    for tokens, width in zip(TOKENS, WIDTHS, strict=True):
        for depth, columns in ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)):
            rows, tape = images * tokens, Tape(regime)
            tape.linear(tape.tensor((rows, depth), regime.weights), columns)
            make = partial(_linear, rows=rows, depth=depth, columns=columns)
            yield _one(f"product {rows}x{depth}x{columns}", tape, make)


def _linear(new: New, rows: int, depth: int, columns: int) -> Call:
    return partial(F.linear, new(rows, depth), new(columns, depth), new(columns))


def _attentions(regime: Regime, tokens: int) -> Iterator[Microbenchmark]:
    shapes = [(length, width) for width in HEAD_WIDTHS for length in LENGTHS]
    shapes += [(length, width) for width in OTHER_HEAD_WIDTHS for length in (64, 196)]
    for length, width in shapes:
        heads = 2
        rows = max(1, tokens // length // heads)
        tape, memory = Tape(regime), (rows, length, heads, width)
        tape.attention(*(tape.tensor(memory, regime.weights).transpose(1, 2) for _ in range(3)))
        yield _one(f"attention {rows}x{heads}x{length}x{width}", tape, partial(_attention, memory=memory))


def _attention(new: New, memory: tuple[int, ...]) -> Call:
    query, key, value = (new(*memory).transpose(1, 2) for _ in range(3))
    return partial(F.scaled_dot_product_attention, query, key, value)


def _patches(regime: Regime, images: int) -> Microbenchmark:
    tape = Tape(regime)
    tape.convolution(tape.tensor((images, 3, 224, 224), regime.weights), WIDTHS[0], (7, 7), (56, 56))
    return _one(f"patches of {images}", tape, partial(_convolution, images=images))


def _convolution(new: New, images: int) -> Call:
    weights = new(WIDTHS[0], 3, 7, 7), new(WIDTHS[0])
    return partial(F.conv2d, new(images, 3, 224, 224), *weights, stride=4, padding=3)


def _streams(regime: Regime, elements: int) -> Iterator[Microbenchmark]:
    """Element-wise functions, norms, copies in another order of axes, and maxima over what is pooled."""
    dtype, width = regime.weights, 192
    rows = elements // width // 64 * 64
    flat, split = (rows, width), (rows // 64, 4, 16, width)

    tape = Tape(regime)
    tape.pointwise("add", tape.tensor(flat, dtype), tape.tensor(flat, dtype))
    yield _one(f"addition of {prod(flat)}", tape, lambda new: partial(torch.add, new(*flat), new(*flat)))
    tape = Tape(regime)
    tape.pointwise("gelu", tape.tensor(flat, dtype))
    yield _one(f"gelu of {prod(flat)}", tape, lambda new: partial(F.gelu, new(*flat)))
    tape = Tape(regime)
    tape.layer_norm(tape.tensor(flat, dtype))
    norm = partial(F.layer_norm, normalized_shape=(width,))
    make = partial(_norm, norm=norm, shape=flat)
    yield _one(f"norm of {prod(flat)}", tape, make)
    tape = Tape(regime)
    tape.call("clone", (tape.tensor(split, dtype).transpose(1, 2),), (split[0], split[2], split[1], width), dtype)
    yield _one(f"permuted copy of {prod(flat)}", tape, lambda new: new(*split).transpose(1, 2).contiguous)
    tape = Tape(regime)
    tape.call("amax", (tape.tensor(split, dtype),), (split[0], *split[2:]), dtype)
    yield _one(f"maximum of {prod(flat)}", tape, lambda new: partial(torch.amax, new(*split), 1))


def _norm(new: New, norm: Callable[..., Tensor], shape: tuple[int, ...]) -> Call:
    return partial(norm, new(*shape), weight=new(shape[-1]), bias=new(shape[-1]))


def _launches(regime: Regime) -> Microbenchmark:
    """Additions of so few numbers that nothing but their launches takes time."""
    tape = Tape(regime)
    tape.pointwise("add", tape.tensor((16,), regime.weights), tape.tensor((16,), regime.weights))

    def make(new: New) -> Call:
        x, y = new(16), new(16)

        def chain() -> None:
            for _ in range(CHAIN):
                torch.add(x, y)

        return chain

    return _one("launch", tape, make, CHAIN)


def _one(name: str, tape: Tape, make: Callable[[New], Call], launches: int = 1) -> Microbenchmark:
    return Microbenchmark(name, tuple(kernel(call, 1) for call in tape.calls), make, launches)
