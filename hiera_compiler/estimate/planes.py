"""What PyTorch's kernels over planes of channels issue: 3-D pooling and 3-D depth-wise convolution.

Both are bound by instructions, most of them index arithmetic, not by memory. The counts are those of the kernels'
code for compute capability 8.0 as CUDA 11.8 compiles it, in slots of a multiprocessor that issues four warps'
instructions in a cycle. Instructions in loops, which wait for what they load, take 1.7 slots: so three public
measurements of pooling on an H20 are met (FlagGems, pull request 5736), and one of a convolution on an A100 is met
with 1.3 slots for all of its instructions (PyTorch, issue 110885). No row of the paper was used.
"""

from __future__ import annotations

from math import ceil, prod

from hiera_compiler.estimate.tape import Call

WARP = 32
BLOCK_ROWS = 8
"""3-D pooling gives each row of outputs of a plane a warp, and each plane of a frame blocks of eight rows."""
POOL_IDLE, POOL_SETUP, POOL_TAP = 43, 253, 30
"""Slots of a warp without a row, of one with a row, and of each element that its outputs read."""
CONVOLUTION_SETUP, CONVOLUTION_TAP, UNROLLED_TAP = 300, 36, 14.5
"""Slots of a warp of outputs, and of each element of the kernel: one of 3x3x3 is compiled for its size."""
UNROLLED = (3, 3, 3)
LANES_OF_A_SLOT = 12.8
"""Scalar instructions in whose time, at 64 lanes used to 0.8 as a kernel's price takes them, one slot passes."""


def pooling_issued(call: Call) -> float:
    """Scalar instructions of a 3-D pooling that reads its planes in row-major order; `detail` counts a plane's steps.

    The smaller the planes, the more warps are idle: of a plane of 2x2 outputs two of eight have a row.
    """
    *planes, rows, columns = call.writes[0].shape
    width = ceil(columns / WARP)
    active = prod(planes) * rows * width
    warps = prod(planes) * ceil(rows / BLOCK_ROWS) * BLOCK_ROWS * width
    taps = call.detail / prod(call.writes[0].shape[2:])
    return LANES_OF_A_SLOT * (active * (POOL_SETUP + POOL_TAP * taps) + (warps - active) * POOL_IDLE)


def depthwise_issued(call: Call) -> float:
    """Scalar instructions of a 3-D depth-wise convolution: each output works out where it is, and walks its kernel."""
    kernel = call.reads[1].shape[2:]
    tap = UNROLLED_TAP if kernel == UNROLLED else CONVOLUTION_TAP
    return LANES_OF_A_SLOT * call.writes[0].elements / WARP * (CONVOLUTION_SETUP + tap * prod(kernel))
