"""What is wrong with a package that adds kinds is said with the package's name."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.emit import custom, prelude_source, require_weights
from hiera_compiler.emit.load import load_class
from hiera_compiler.emit.source import class_name
from hiera_compiler.estimate.programs import BATCH, program_of
from hiera_compiler.estimate.programs.custom import assumed
from hiera_compiler.estimate.regime import EAGER_HALF
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.ir import Graph, Input, Shape
from hiera_compiler.ir.builder import GraphBuilder
from hiera_compiler.ir.custom import Argument, CustomOp
from hiera_compiler.kinds import GROUPS, packages, problems
from hiera_compiler.profile.subject import Subject

BROKEN = '''
from typing import Literal
from hiera_compiler.kinds import Attention

class Broken(Attention):
    """One that fails."""
    kind: Literal["broken"] = "broken"

    def lower(self, builder, x, block):
        return builder.add("attn", missing(x.channels), x)

def missing(channels):
    return {}[channels]
'''

TENSORS = """
import functools
import math
import torch
from torch import Tensor, nn
from typing import Any

HALF = 0.5

def doubled(x: Tensor) -> Tensor:
    return inner(x) + x

@torch.no_grad()
def inner(x: Tensor) -> Tensor:
    return x

@functools.cache
def needs_a_decorator(x: Tensor) -> Tensor:
    return x

def needs_math(x): return x * math.pi
def needs_a_constant(x): return x * HALF
def needs_more(x: Any): return x
def attend(x): return x
def slide_max(x): return x
def scaled(x, factor, words, nested): return x

def deep(x: Tensor) -> Tensor:
    return inner_fault(x)

@torch.jit.ignore(
    drop=False,
)
def inner_fault(x: Tensor) -> Tensor:
    return x.reshape(3)

class Grown: pass

class Failing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(3)
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that is installed for the time of a test."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "__init__.py").write_text("")
    (tmp_path / "others" / "tensors.py").write_text(TENSORS)
    (tmp_path / "others" / "garbled.py").write_text("def (")
    (tmp_path / "others" / "more.py").write_text("def doubled(x): return x")
    monkeypatch.syspath_prepend(tmp_path)
    declare(tmp_path, "[hiera_compiler.kinds]\nattention = others.attention\n")
    packages._packages.cache_clear()
    yield tmp_path
    packages._packages.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "others"]:
        del sys.modules[name]


def declare(folder: Path, entries: str) -> None:
    metadata = folder / "the_others-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: the-others\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entries)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("[hiera_compiler.kinds]\natention = others", "'the-others' declares 'atention'.*did you mean 'attention'"),
        ("[hiera_compiler.kind]\npool = others", "declares 'hiera_compiler.kind'.*mean 'hiera_compiler.kinds'"),
        ("[hiera_compiler.kinds.attention]\nx = others", "declares 'hiera_compiler.kinds.attention'.*mean"),
        ("[hiera_compiler.kinds]\nfurniture = others", "'furniture'.*pip uninstall the-others"),
    ],
)
def test_what_nothing_reads_is_refused(installed: Path, entries: str, said: str) -> None:
    declare(installed, entries)
    with pytest.raises(SpecError, match=rf"(?s)H904.*{said}"):
        packages.declared.__wrapped__(GROUPS)


def test_a_kind_that_fails_is_no_bug_of_ours_and_is_shown_where_it_failed(installed: Path) -> None:
    (installed / "others" / "attention").mkdir()
    (installed / "others" / "attention" / "__init__.py").write_text("")
    (installed / "others" / "attention" / "broken.py").write_text(BROKEN)
    script = f"import sys; sys.path.insert(0, {str(installed)!r}); from hiera_cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "check", "hiera_t", "--set", "stages.0.attention=broken"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error[H903]: missing of the package 'the-others' failed: KeyError: 96" in done.stderr
    assert "broken.py:13" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug in hiera" not in done.stderr


def test_what_others_have_no_part_in_is_a_bug_of_ours() -> None:
    with pytest.raises(ZeroDivisionError) as found:
        _ = 1 / 0
    assert packages.fault_of_others(found.value) is None


@dataclass(frozen=True)
class Doubled(CustomOp):
    """A primitive of a package, by a function."""

    tensors: ClassVar[str] = "others.tensors:doubled"

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


def graph_of(op: CustomOp) -> Graph:
    builder = GraphBuilder()
    with builder.origin("head"):
        builder.output("tokens", builder.add("x", op, builder.add("pixels", Input((4, 8)))))
    return builder.graph()


def named(reference: str) -> CustomOp:
    """A primitive that something else computes."""
    return type("Named", (Doubled,), {"tensors": reference})()  # type: ignore[no-any-return]


def test_a_file_carries_the_functions_of_others_with_their_decorators() -> None:
    call = custom.call(Doubled(), "self.x", "x")
    text = prelude_source(call, graph_of(Doubled()))
    assert call == "doubled(x)"
    assert custom.constructor(Doubled()) is None
    assert "# from others.tensors\ndef doubled(x: Tensor)" in text
    assert "@torch.no_grad()\ndef inner" in text
    assert "needs_more" not in text


@pytest.mark.parametrize(("name", "function"), [("deep", "inner_fault"), ("Failing", "Failing.forward")])
def test_what_computes_a_primitive_and_fails_is_told_with_its_package(name: str, function: str) -> None:
    op = named(f"others.tensors:{name}")
    made = custom.constructor(op) or "None"
    model = (
        "class Model(nn.Module):\n"
        f"    def __init__(self):\n        super().__init__()\n        self.x = {made}\n\n"
        f"    def forward(self, x):\n        return {custom.call(op, 'self.x', 'x')}\n"
    )
    kind = load_class(f"{prelude_source(model, graph_of(op))}\n\n{model}", "Model")
    with pytest.raises(RuntimeError) as found:
        kind()(torch.zeros(2))
    fault = packages.fault_of_others(found.value)
    assert fault is not None
    assert fault.message == f"{function} of the package 'the-others' failed: {problems.reason_of(found.value)}"
    assert fault.notes == ("it stands in others.tensors",)
    with pytest.raises(SpecError, match=r"H903.*the-others"):
        _ = Subject("x", (3, 8, 8), lambda device: kind()).count
    with pytest.raises(TypeError) as ours:
        kind()()  # without an input: no function of the package runs
    assert packages.fault_of_others(ours.value) is None


def test_a_model_is_not_named_as_what_its_file_carries() -> None:
    assert class_name("grown") == "Grown"
    assert class_name("grown", graph_of(Doubled())) == "GrownModel"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("others.nowhere:x", "others.nowhere cannot be read: ImportError"),
        ("no_such_package.x:y", "cannot be read: ModuleNotFoundError"),
        ("others.garbled:x", "cannot be read: SyntaxError"),
        ("others.tensors:dubled", "others.tensors defines no function or class dubled"),
    ],
)
def test_a_function_that_is_not_there_is_named(reference: str, reason: str) -> None:
    with pytest.raises(SpecError, match=rf"H905.*Named.*{reason}"):
        custom.call(named(reference), "self.x", "x")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("needs_a_decorator", "uses functools, which"),
        ("needs_math", "uses math, which"),
        ("needs_a_constant", "uses HALF, which"),
        ("needs_more", "uses Any, which"),
        ("attend", "attend is a name of the compiler's too"),
        ("slide_max", "slide_max is a name of the compiler's too"),
    ],
)
def test_a_function_that_a_file_cannot_carry_is_named(name: str, reason: str) -> None:
    op = named(f"others.tensors:{name}")
    with pytest.raises(SpecError, match=rf"H905.*'the-others'.*{reason}"):
        prelude_source(custom.call(op, "self.x", "x"), graph_of(op))


@dataclass(frozen=True)
class Scaled(Doubled):
    """A primitive with fields of every type."""

    tensors: ClassVar[str] = "others.tensors:scaled"
    factor: Any = 0.5
    words: Any = "') or evil('"
    nested: Any = ((1,), (), (True, None))


def test_what_a_user_wrote_stays_a_text() -> None:
    call = ast.parse(custom.call(Scaled(), "self.x", "x"), mode="eval").body
    assert isinstance(call, ast.Call)
    assert {one.arg: ast.literal_eval(one.value) for one in call.keywords} == Scaled().arguments()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1], object(), 1j, {"a": 1}, (1, [2])])
def test_what_is_no_literal_is_refused(value: Argument) -> None:
    with pytest.raises(SpecError, match=r"H905.*its argument factor is of type"):
        custom.call(Scaled(factor=value), "self.x", "x")


@pytest.mark.parametrize("reference", [None, "", "others", "others.tensors", "others:a.b", "a b:c", ":c"])
def test_a_primitive_that_nothing_computes_is_no_class(reference: object) -> None:
    with pytest.raises(TypeError, match="Wrong needs what computes it"):
        type("Wrong", (CustomOp,), {"tensors": reference})


@dataclass(frozen=True)
class Costly(Doubled):
    """A primitive with weights and products, that says nothing of its calls."""

    def weights(self) -> dict[str, Shape]:
        return {"weight": (8, 8)}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 4 * 8 * 8 - 1  # a product may not be whole


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Linear(8, 8), r"the weight bias as none, and its module has \[8\]"),
        (nn.Linear(8, 4, bias=False), r"the weight weight as \[8, 8\], and its module has \[4, 8\]"),
        (nn.Identity(), r"the weight weight as \[8, 8\], and its module has none"),
    ],
)
def test_a_module_with_other_weights_than_are_listed_is_refused(layer: nn.Module, said: str) -> None:
    require_weights(nn.ModuleDict({"x": nn.Linear(8, 8, bias=False)}), graph_of(Costly()))
    with pytest.raises(SpecError, match=rf"H906.*Costly of the package .* lists {said}"):
        require_weights(nn.ModuleDict({"x": layer}), graph_of(Costly()))


@dataclass(frozen=True)
class Stated(Doubled):
    """A primitive that states its calls."""

    def program(self, tape: Any, node: Any, *inputs: Any) -> Any:
        return tape.pointwise("relu", *inputs)


def test_calls_that_nobody_states_are_assumed() -> None:
    graph = graph_of(Costly())
    assert assumed(graph) == ("Costly",)
    tape = Tape(EAGER_HALF)
    out = program_of(Costly())(tape, graph["x"], tape.tensor((BATCH, 4, 8), "fp16"))
    product, pass_ = tape.calls
    assert out.shape == (BATCH, 4, 8)
    assert [one.elements for one in product.reads] == [BATCH * 4 * 8, 8 * 8]
    assert sum(one.elements for one in (*pass_.reads, *pass_.writes)) == 2 * BATCH * 4 * 8 + 8 * 8


def test_calls_that_are_stated_are_taken() -> None:
    graph = graph_of(Stated())
    assert assumed(graph) == ()
    tape = Tape(EAGER_HALF)
    program_of(Stated())(tape, graph["x"], tape.tensor((BATCH, 4, 8), "fp16"))
    assert [call.name for call in tape.calls] == ["relu"]


def test_a_module_of_functions_is_read_and_not_imported() -> None:
    custom.call(Doubled(), "self.x", "x")
    assert "others.tensors" not in sys.modules
    assert import_module("others.tensors").HALF == 0.5
