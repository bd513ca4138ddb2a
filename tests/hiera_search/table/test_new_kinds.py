"""A kind of another package is priced, and refused, without a line about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KINDS = '''
"""Attention kinds that are none of ours."""
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hiera_compiler.ir import Activate, Attend, Linear
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Attention, BlockContext, Extent


class Gated(Attention):
    """Two layers with a gate; the hidden width follows the layout of the mask unit, which no kind of ours looks at."""

    kind: Literal["gated"] = "gated"
    window: Annotated[tuple[int, ...], Extent(), Field(description="Tokens along each axis.")] = (2,)

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        if block.pool is not None:
            x = block.pooled(builder, "attn.pooled", x)
        hidden = 16 * prod(self.window) * len(block.layout.folds) + block.heads
        y = builder.add("attn.up", Linear(x.channels, hidden), x)
        builder.add("attn.unread", Linear(hidden, 3), y)
        return builder.add("attn.down", Linear(hidden, block.channels), builder.add("attn.gate", Activate("relu"), y))


class Unfit(Attention):
    """One whose primitives do not fit where the block pools."""

    kind: Literal["unfit"] = "unfit"

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        y = builder.add("attn.x", Linear(x.channels, block.channels), x)
        return builder.add("attn.attend", Attend(block.heads, True), y, y, y)


class Alternating(Attention):
    """One whose every second block is wider, unless a spec says otherwise."""

    kind: Literal["alternating"] = "alternating"
    by_position: ClassVar[tuple[str, ...]] = ("widens",)
    widens: Annotated[bool, Field(description="Whether every second block is wider.")] = True

    def at(self, position: int) -> Attention:
        return self if position % 2 else self.model_copy(update={"widens": False})

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        x = block.pooled(builder, "attn.pooled", x)
        hidden = x.channels * (1 + self.widens)
        y = builder.add("attn.up", Linear(x.channels, hidden), x)
        return builder.add("attn.down", Linear(hidden, block.channels), y)


class Narrow(Attention):
    """One that fits only in a block that pools, so that a stage may have one block and no more."""

    kind: Literal["narrow"] = "narrow"

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        wanted = x.channels if block.pool is not None else x.channels + 1
        x = x if block.pool is None else block.pooled(builder, "attn.pooled", x)
        return builder.add("attn.x", Linear(wanted, block.channels), x)
'''

SCRIPT = """
import sys
from pathlib import Path
from hiera_compiler.estimate.profiles import all_profiles
from tests.support.table_oracle import assert_prices_are_exact, every_choice, space_of

def choose(*options):
    return {"choose": list(options)}

gated = [{"kind": "gated", "window": window} for window in (2, 4, [1, 2, 3])]
kinds = choose("global", "unfit", "narrow", "alternating", *gated)
stage = {"depth": choose(1, 4), "channels": 8, "heads": 2, "attention": kinds}
stage["first_attention"] = choose("own", "previous")
data = {
    "name": "x", "input": {"size": 32}, "patch": {"kernel": 4, "stride": 4}, "position": "absolute", "mask_unit": 4,
    "stages": [stage | {"depth": 1}, stage | {"pool": choose("none", "max")}],
    "head": choose("none", {"classes": 2}),
}
space = space_of(data, Path(sys.argv[1]))
profile = next(one for one in all_profiles() if one.name == "a100-40gb/compiled-half")
print(sorted(assert_prices_are_exact(space, every_choice(space), profile, 2)))
"""


def test_another_package_s_attention_is_priced_and_refused_like_ours(tmp_path: Path) -> None:
    package, metadata = tmp_path / "other_kinds", tmp_path / "other_kinds-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").write_text("")
    (package / "attention.py").write_text(KINDS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-kinds\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hiera_compiler.kinds]\nattention = other_kinds\n")
    checkout = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [tmp_path, checkout, checkout / "search"]))}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "['', 'H202', 'H401']"
