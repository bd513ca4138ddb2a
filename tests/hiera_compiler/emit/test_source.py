"""The emitted file: readable, self-contained, one class for each distinct block, nothing of the user's in it."""

from __future__ import annotations

import ast
import builtins
import keyword
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler import ir
from hiera_compiler.emit import class_name, load_class, prelude
from hiera_compiler.emit.library import definitions
from hiera_compiler.emit.rules import CALLS, CONSTRUCTORS
from hiera_compiler.ir import Op
from hiera_compiler.ir.blocks import share_blocks
from tests.support.random_specs import Data, compilation

BLOCK = re.compile(r"^class (Stage\w+)\(nn.Module\):$", re.M)
BLOCK_NAME = re.compile(r"Stage\d+(Block|Transition)\d*")
CLASSES = [value for value in vars(ir).values() if isinstance(value, type) and issubclass(value, Op)]
PRIMITIVES = [
    value
    for value in CLASSES
    if value.infer is not Op.infer and not any(other is not value and issubclass(other, value) for other in CLASSES)
]


def tiny(**changes: Any) -> Data:
    data: Data = {
        "name": "tiny",
        "input": {"size": 16},
        "patch": {"kernel": 3, "stride": 2, "padding": 1},
        "position": "absolute",
        "mask_unit": 4,
        "stages": [
            {"depth": 3, "channels": 4, "heads": 2, "attention": "mask_unit"},
            {"depth": 2, "channels": 8, "heads": 2, "attention": "global", "pool": "max"},
        ],
        "head": {"classes": 5},
    }
    return data | changes


@pytest.mark.parametrize("name", ["hiera_t", "hiera_b", "hiera_l", "hiera_h", "hiera_l_32x224"])
def test_classes_are_as_many_as_distinct_blocks_whatever_the_depth(name: str) -> None:
    blocks = share_blocks(hc.compile(name).graph)
    assert len({block.block_class.name for block in blocks}) == 7
    assert len({block.block_class.steps for block in blocks}) == 7


def test_classes_are_named_by_their_stage_and_what_they_do() -> None:
    names = dict.fromkeys(block.block_class.name for block in share_blocks(hc.compile("hiera_b").graph))
    stages = [(f"Stage{number}Transition", f"Stage{number}Block") for number in (2, 3, 4)]
    assert list(names) == ["Stage1Block", *(name for pair in stages for name in pair)]


def test_blocks_that_differ_only_in_their_drop_path_rate_share_a_class() -> None:
    python = compilation(tiny(drop_path=0.5)).python
    assert len(BLOCK.findall(python)) == 3
    assert "drop_path=0.125" in python
    module: Any = compilation(tiny(drop_path=0.5)).module()
    keeps = [float(block.mlp["drop_path"].keep) for block in module.blocks]
    assert keeps == pytest.approx([1, 0.875, 0.75, 0.625, 0.5])


@pytest.mark.parametrize(("rate", "depth"), [(0.9999999999, 1), (1e-12, 2), (0.1, 3)])
def test_a_drop_path_rate_keeps_its_digits(rate: float, depth: int) -> None:
    """A rate just below 1 must not be rounded to 1, where a kept branch would be divided by zero."""
    stages = [{"depth": depth, "channels": 4, "heads": 2, "attention": "mask_unit"}]
    module: Any = compilation(tiny(drop_path=rate, stages=stages)).module()
    assert f"drop_path={rate!r}" in compilation(tiny(drop_path=rate, stages=stages)).python
    assert module(torch.randn(2, 3, 16, 16)).isfinite().all()


def test_nothing_is_dropped_outside_of_training_and_branches_are_scaled_in_it() -> None:
    drop = prelude.DropPath(0.75)
    x = torch.ones(4000, 2, 3)
    assert torch.equal(drop.eval()(x), x)
    torch.manual_seed(0)
    dropped = drop.train()(x)
    assert set(dropped.unique().tolist()) == {0.0, 4.0}
    assert (dropped == dropped[:, :1, :1]).all()
    assert float(dropped.mean()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_the_file_is_python_that_imports_torch_only(name: str) -> None:
    python = hc.compile(name).python
    tree = ast.parse(python)
    compile(tree, name, "exec")
    imports = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {module.partition(".")[0] for module in imports} == {"__future__", "collections", "torch"}
    assert max(map(len, python.splitlines())) <= 140
    assert "hiera_compiler" not in python
    assert all(
        ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"
    )


def test_the_file_runs_alone_and_gives_the_same(tmp_path: Path) -> None:
    compiled = compilation(tiny())
    module: Any = compiled.module().eval()
    (tmp_path / "model.py").write_text(compiled.python)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    script = (
        "import torch; from model import Tiny; m = Tiny().eval(); m.load_state_dict(torch.load('weights.pt'))\n"
        "print(m(torch.linspace(-1, 1, 768).view(1, 3, 16, 16)).tolist())"
    )
    # -I would drop the folder from the path; -s and an empty environment keep everything else out.
    done = subprocess.run(
        [sys.executable, "-s", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    with torch.no_grad():
        expected = module(torch.linspace(-1, 1, 768).view(1, 3, 16, 16))
    torch.testing.assert_close(torch.tensor(ast.literal_eval(done.stdout)), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hiera_b_16x224", "HieraB16x224"),
        ("a", "A"),
        ("a.b-c__d_", "ABCD"),
        ("none", "NoneModel"),
        ("true", "TrueModel"),
        ("f", "FModel"),
        ("tensor", "TensorModel"),
        ("dropPath", "DropPathModel"),
        ("valueError", "ValueErrorModel"),
        ("stage1Block", "Stage1BlockModel"),
    ],
)
def test_a_class_name_means_nothing_else_in_the_file(name: str, expected: str) -> None:
    assert class_name(name) == expected
    assert expected.isidentifier()
    assert not keyword.iskeyword(expected)
    assert not hasattr(builtins, expected)
    module: Any = compilation(tiny(name=name)).module().eval()
    assert type(module).__name__ == expected
    assert module(torch.zeros(1, 3, 16, 16)).shape == (1, 5)


def test_only_the_name_of_a_spec_reaches_its_file() -> None:
    python = compilation(tiny(name="Quite.Unlikely-name")).python
    assert python.count("Quite.Unlikely-name") == 2  # the docstrings of file and class
    assert f'"""{"Quite.Unlikely-name"}: input 3x16x16' in python
    other = compilation(tiny(name="other")).python
    assert python.replace("Quite.Unlikely-name", "other").replace("QuiteUnlikelyName", "Other") == other


@pytest.mark.parametrize("op", PRIMITIVES, ids=lambda op: op.__name__)
def test_every_primitive_is_emitted(op: type[Op]) -> None:
    assert op in CALLS
    assert op.__doc__
    has_weights = op.weights is not Op.weights
    assert not has_weights or op in CONSTRUCTORS


def test_queries_keys_and_values_are_cut_by_one_call() -> None:
    python = compilation(tiny()).python
    assert "attn_query, attn_key, attn_value = attn_qkv.chunk(3, dim=-1)\n" in python
    assert "dim=-1)[" not in python


def test_primitives_stay_few() -> None:
    assert set(CONSTRUCTORS) <= set(CALLS) <= set(PRIMITIVES)
    assert len(CALLS) <= 40


def test_a_file_has_the_functions_that_it_calls_and_no_others() -> None:
    first: Data = {"depth": 1, "channels": 4, "heads": 2, "attention": "global"}
    pool = {"kind": "max", "kernel": 3, "padding": 1}
    stages = [first, first | {"channels": 8, "pool": pool}]
    python = compilation(tiny(stages=stages, layer_scale=0.5)).python
    defined = {node.name for node in ast.parse(python).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    extra = defined - {name for name in vars(prelude) if name in defined} - {"Tiny"}
    assert {name for name in extra if not BLOCK_NAME.fullmatch(name)} == {
        "LayerScale",
        "slide_max",
        "as_images",
        "as_units",
    }
    assert "slide_max" not in compilation(tiny()).python


@pytest.mark.parametrize("name", list(definitions()))
def test_functions_beyond_the_prelude_need_nothing_but_its_names(name: str) -> None:
    known = set(vars(prelude)) | set(definitions()) | set(vars(builtins))
    tree = ast.parse(definitions()[name].text)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert definitions()[name].uses - bound <= known
    assert name not in vars(prelude)


def test_equal_sources_share_a_class_and_others_do_not() -> None:
    one, same, other = (compilation(tiny(head={"classes": classes})) for classes in (5, 5, 6))
    assert type(one.module()) is type(same.module())
    assert type(one.module()) is not type(other.module())


def test_an_instance_survives_a_copy_and_a_pickle() -> None:
    module: Any = compilation(tiny()).module().eval()
    again = pickle.loads(pickle.dumps(module))
    x = torch.randn(1, 3, 16, 16)
    assert torch.equal(again(x), module(x))


def test_a_name_that_the_source_lacks_is_our_bug() -> None:
    with pytest.raises(AttributeError):
        load_class(compilation(tiny()).python, "Missing")


def test_initial_weights_are_the_reference_s() -> None:
    module: Any = compilation(
        tiny(stages=[{"depth": 1, "channels": 256, "heads": 2, "attention": "global"}], head={"classes": 300})
    ).module()
    weights = {name: parameter.detach() for name, parameter in module.named_parameters()}
    for name in ("blocks.0.mlp.fc1.weight", "patch_embed.proj.weight", "pos_embed"):
        assert float(weights[name].std()) == pytest.approx(0.02, rel=0.1)
    assert float(weights["head.projection.weight"].std()) == pytest.approx(0.02e-3, rel=0.1)
    for name in ("blocks.0.mlp.fc1.bias", "norm.bias"):
        assert torch.equal(weights[name], torch.full_like(weights[name], 0.02))
    assert torch.equal(weights["norm.weight"], torch.ones(256))
    torch.testing.assert_close(weights["head.projection.bias"], torch.full((300,), 0.02e-3))


def test_a_mask_that_keeps_other_counts_is_refused() -> None:
    mask = torch.tensor([[True, True, False, False], [True, False, False, False]])
    module: Any = compilation(tiny()).module()
    with pytest.raises(ValueError, match=r"these keep \[1, 2\]"):
        module.features(torch.zeros(2, 3, 16, 16), mask=mask)
