"""The primitives, by topic. Each infers its output shape and states its weights and what it costs."""

from hiera_compiler.ir.ops.attend import Attend
from hiera_compiler.ir.ops.bias import RelativeBias, ShiftMask
from hiera_compiler.ir.ops.grid import CropGrid, MergeTokens, PadGrid, RollGrid
from hiera_compiler.ir.ops.heads import JoinHeads, RelativePosition, SplitHeads
from hiera_compiler.ir.ops.layers import Activate, Add, Dropout, DropPath, JoinChannels, LayerScale, Linear, Norm, Split
from hiera_compiler.ir.ops.maps import Convolution, TransposedConvolution, Upsample
from hiera_compiler.ir.ops.order import (
    AsGrid,
    AsTokens,
    FirstToken,
    JoinTokens,
    KeepUnits,
    Mean,
    SliceTokens,
    ToGrid,
    ToUnits,
)
from hiera_compiler.ir.ops.pool import Pool, SlidingConvolution, SlidingPool
from hiera_compiler.ir.ops.stem import Input, PatchEmbed, ResizeTable, Sinusoid, Table, TileTable

__all__ = [
    "Activate",
    "Add",
    "AsGrid",
    "AsTokens",
    "Attend",
    "Convolution",
    "CropGrid",
    "DropPath",
    "Dropout",
    "FirstToken",
    "Input",
    "JoinChannels",
    "JoinHeads",
    "JoinTokens",
    "KeepUnits",
    "LayerScale",
    "Linear",
    "Mean",
    "MergeTokens",
    "Norm",
    "PadGrid",
    "PatchEmbed",
    "Pool",
    "RelativeBias",
    "RelativePosition",
    "ResizeTable",
    "RollGrid",
    "ShiftMask",
    "Sinusoid",
    "SliceTokens",
    "SlidingConvolution",
    "SlidingPool",
    "Split",
    "SplitHeads",
    "Table",
    "TileTable",
    "ToGrid",
    "ToUnits",
    "TransposedConvolution",
    "Upsample",
]
