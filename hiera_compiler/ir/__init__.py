"""The intermediate representation: a graph of primitives.

Shapes are those of one sample; the batch axis is implied everywhere. Tensors lie in one of three orders:

- an image or clip: ``(channels, height, width)`` or ``(channels, frames, height, width)``
- a grid of tokens in raster order: ``(height, width, channels)``, with time first in a video
- tokens grouped by mask unit ("window-major"): ``(units, tokens in a unit, channels)``
"""

from hiera_compiler.ir.graph import Graph
from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.node import Node, SpecPath
from hiera_compiler.ir.op import Op, Shape, ShapeError
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
    "Graph",
    "Input",
    "JoinChannels",
    "JoinHeads",
    "JoinTokens",
    "KeepUnits",
    "LayerScale",
    "Linear",
    "Mean",
    "MergeTokens",
    "Node",
    "Norm",
    "Op",
    "PadGrid",
    "PatchEmbed",
    "Pool",
    "RelativeBias",
    "RelativePosition",
    "ResizeTable",
    "RollGrid",
    "Shape",
    "ShapeError",
    "ShiftMask",
    "Sinusoid",
    "SliceTokens",
    "SlidingConvolution",
    "SlidingPool",
    "SpecPath",
    "Split",
    "SplitHeads",
    "Table",
    "TileTable",
    "ToGrid",
    "ToUnits",
    "TransposedConvolution",
    "UnitLayout",
    "Upsample",
]
