"""The intermediate representation: a graph of about a dozen primitives.

Shapes are those of one sample; the batch axis is implied everywhere. Three layouts occur:

- an image or clip: ``(channels, height, width)`` or ``(channels, frames, height, width)``
- a grid of tokens in raster order: ``(height, width, channels)``, with time first in a video
- tokens grouped by mask unit ("window-major"): ``(units, tokens in a unit, channels)``
"""

from hiera_compiler.ir.graph import Graph
from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.node import Node, SpecPath
from hiera_compiler.ir.op import Op, Shape, ShapeError
from hiera_compiler.ir.ops import (
    Activate,
    Add,
    AsGrid,
    AsTokens,
    Attend,
    CropGrid,
    Dropout,
    DropPath,
    FirstToken,
    Input,
    JoinChannels,
    JoinTokens,
    KeepUnits,
    LayerScale,
    Linear,
    Mean,
    MergeTokens,
    Norm,
    PadGrid,
    PatchEmbed,
    Pool,
    RelativeBias,
    ResizeTable,
    RollGrid,
    ShiftMask,
    Sinusoid,
    SliceTokens,
    SlidingPool,
    Split,
    Table,
    TileTable,
    ToGrid,
    ToUnits,
)

__all__ = [
    "Activate",
    "Add",
    "AsGrid",
    "AsTokens",
    "Attend",
    "CropGrid",
    "DropPath",
    "Dropout",
    "FirstToken",
    "Graph",
    "Input",
    "JoinChannels",
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
    "ResizeTable",
    "RollGrid",
    "Shape",
    "ShapeError",
    "ShiftMask",
    "Sinusoid",
    "SliceTokens",
    "SlidingPool",
    "SpecPath",
    "Split",
    "Table",
    "TileTable",
    "ToGrid",
    "ToUnits",
    "UnitLayout",
]
