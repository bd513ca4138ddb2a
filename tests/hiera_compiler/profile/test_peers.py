from pathlib import Path

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler.profile import is_peer, peer

FILE = """\
import torch
from torch import nn


class Model(nn.Module):
    input_shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.layer(x).mean((2, 3))


class Looks(Model):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def make():
    return Model()


def looks():
    return Looks()


def number():
    return 3


def broken():
    raise ZeroDivisionError("so it is")


def ends():
    raise SystemExit(2)


def flat():
    model = Model()
    model.input_shape = 224
    return model


constant = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "peer.py"
    path.write_text(FILE)
    return path


def test_a_factory_of_a_file_is_counted_on_meta(file: Path) -> None:
    subject = peer(f"module:{file}:make")
    assert (subject.name, subject.input_shape) == ("make", (3, 8, 8))
    assert subject.count.params == 3 * 4 * 9 + 4
    assert subject.count.macs == 6 * 6 * 4 * 27


@pytest.mark.parametrize(
    ("target", "code", "fact"),
    [
        ("module:{}:absent", "H517", "has no function absent"),
        ("module:{}:constant", "H517", "has no function constant"),
        ("module:{}:number", "H517", "number() gave int"),
        ("module:{}:broken", "H517", "broken() raised ZeroDivisionError: so it is"),
        ("module:{}:ends", "H517", "ends() raised SystemExit: 2"),
        ("module:{}:flat", "H517", "its input_shape is 224, not the sizes of one sample"),
        ("module:{}", "H517", "not of the form"),
        ("module:{}.absent:make", "H517", "there is no file"),
        ("module:{}:looks", "H518", "cannot be traced"),
    ],
)
def test_what_gives_no_module_is_one_diagnostic(target: str, code: str, fact: str, file: Path) -> None:
    with pytest.raises(hc.SpecError) as raised:
        peer(target.format(file)).count  # noqa: B018 - counting is what fails for a module that cannot be traced
    (found,) = raised.value.diagnostics
    assert found.code == code
    assert fact in found.message
    assert "\n" not in found.message


def test_a_file_that_fails_is_one_diagnostic(tmp_path: Path) -> None:
    file = tmp_path / "peer.py"
    file.write_text("import nothing_of_that_name\n")
    with pytest.raises(hc.SpecError, match="raised ModuleNotFoundError"):
        peer(f"module:{file}:make")


@pytest.mark.parametrize(("name", "is_one"), [("timm:x", True), ("module:x.py:f", True), ("hiera_b", False)])
def test_peers_are_told_by_their_prefix(name: str, is_one: bool) -> None:
    assert is_peer(name) is is_one


def test_a_hiera_of_timm_costs_what_ours_costs() -> None:
    ours, subject = hc.compile("hiera_t").cost, peer("timm:hiera_tiny_224")
    assert subject.input_shape == (3, 224, 224)
    counted = subject.count
    assert (counted.params, counted.macs, counted.flops) == (ours.params, ours.macs, ours.flops)


def test_an_unknown_model_of_timm_brings_a_suggestion() -> None:
    with pytest.raises(hc.SpecError, match="did you mean 'timm:hiera_tiny_224'") as raised:
        peer("timm:hiera_tiny_244")
    assert raised.value.diagnostics[0].code == "H516"


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'timm'")

    monkeypatch.setattr("hiera_compiler.profile.peers.importlib.import_module", absent)
    with pytest.raises(hc.SpecError, match=r"pip install 'hiera-compiler\[peers\]'") as raised:
        peer("timm:hiera_tiny_224")
    assert raised.value.diagnostics[0].code == "H515"


def test_a_peer_is_built_with_weights_off_meta(file: Path) -> None:
    module = peer(f"module:{file}:make").build(torch.device("cpu"))
    assert {weight.device.type for weight in module.parameters()} == {"cpu"}
