"""What a program is."""

from __future__ import annotations

from collections.abc import Callable

from hiera_compiler.estimate.tensor import Tensor

Program = Callable[..., Tensor]
"""Gets the primitive, the tape, the node, and the tensors that the node reads; gives what the node stands for."""

BATCH = 2
"""The batch on the tape; all that grows with the batch is divided by it afterwards."""
