"""What a checkpoint does to a module, and what is said where it does not fit."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import hiera_compiler as hc
from hiera_compiler.weights import Resized
from hiera_compiler.weights.match import match

Weights = dict[str, Tensor]
Write = Callable[[Mapping[str, Tensor]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a checkpoint and gives its path."""

    def save(weights: Mapping[str, Tensor]) -> Path:
        save_file({name: weight.contiguous() for name, weight in weights.items()}, tmp_path / "w.safetensors")
        return tmp_path / "w.safetensors"

    return save


def refusal(load: Callable[[], object]) -> hc.Diagnostic:
    with pytest.raises(hc.SpecError) as caught:
        load()
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_all_weights_are_loaded(compilation: hc.Compilation, trained: Weights, write: Write) -> None:
    module, report = compilation.load(write(trained))
    assert str(report) == f"loaded {len(trained)} weights from the key layout of hiera-transformer"
    assert all(torch.equal(weight, trained[name]) for name, weight in module.state_dict().items())
    assert all(weight.requires_grad for weight in module.parameters())
    assert module.training


def test_module_of_a_checkpoint_drops_paths_at_the_rates_of_its_spec(
    compilation: hc.Compilation, trained: Weights, write: Write
) -> None:
    rates = [buffer.item() for _, buffer in compilation.module().named_buffers()]
    loaded = [buffer.item() for _, buffer in compilation.module(weights=write(trained)).named_buffers()]
    assert loaded == rates
    assert min(rates) < max(rates)


def test_weights_take_the_type_that_is_asked_for(compilation: hc.Compilation, trained: Weights, write: Write) -> None:
    file = write({name: weight.half() for name, weight in trained.items()})
    for dtype in (torch.bfloat16, torch.float64):
        module = compilation.module(dtype=dtype, weights=file)
        assert {weight.dtype for weight in module.parameters()} == {dtype}
        torch.testing.assert_close(module.state_dict()["pos_embed"], trained["pos_embed"].half().to(dtype))


def test_existing_module_is_filled_in_place(compilation: hc.Compilation, trained: Weights, write: Write) -> None:
    module = compilation.module()
    before = dict(module.named_parameters())
    hc.load_weights(module, write(trained))
    assert all(weight is before[name] for name, weight in module.named_parameters())
    assert all(torch.equal(weight, trained[name]) for name, weight in module.state_dict().items())


def test_missing_norm_and_head_start_as_in_the_reference(
    compilation: hc.Compilation, trained: Weights, write: Write
) -> None:
    trunk = {name: weight for name, weight in trained.items() if not name.startswith(("norm.", "head."))}
    module, report = compilation.load(write(trunk))
    fresh = compilation.module()
    assert report.missing == ("norm.weight", "norm.bias", "head.projection.weight", "head.projection.bias")
    assert not any(weight.is_meta for weight in module.parameters())
    for name in ("norm.weight", "norm.bias", "head.projection.bias"):
        assert torch.equal(module.state_dict()[name], fresh.state_dict()[name])
    assert 1e-5 < module.state_dict()["head.projection.weight"].std() < 3e-5


def test_head_for_other_classes_is_skipped_and_named(
    compilation: hc.Compilation, trained: Weights, write: Write
) -> None:
    other = trained | {"head.projection.weight": torch.ones(7, 64), "head.projection.bias": torch.ones(7)}
    module, report = compilation.load(write(other))
    assert report.skipped == ("head.projection.weight", "head.projection.bias")
    assert report.missing == ()
    assert "for another number of classes" in str(report)
    assert module.state_dict()["head.projection.bias"].tolist() == pytest.approx([2e-5] * 10)
    assert torch.equal(module.state_dict()["norm.weight"], trained["norm.weight"])


def test_pretraining_gives_its_norm_and_its_decoder_is_unexpected(
    compilation: hc.Compilation, trained: Weights, write: Write
) -> None:
    weights = {name.replace("norm.", "encoder_norm.", 1) if name.startswith("norm.") else name: weight
               for name, weight in trained.items() if not name.startswith("head.")}  # fmt: skip
    decoder = [f"decoder_blocks.{index}.norm1.weight" for index in range(8)]
    others = ["mask_token", "decoder_pos_embed", "multi_scale_fusion_heads.0.weight", *decoder]
    module, report = compilation.load(write(weights | {name: torch.zeros(2) for name in others}))
    assert torch.equal(module.state_dict()["norm.weight"], trained["norm.weight"])
    assert set(report.unexpected) == set(others)
    assert report.missing == ("head.projection.weight", "head.projection.bias")
    assert "decoder_blocks.* (8)" in report.lines()[-1]


def test_table_of_another_input_is_resized(compilation: hc.Compilation, trained: Weights, write: Write) -> None:
    table = torch.randn(1, 49, 8)
    module, report = compilation.load(write(trained | {"pos_embed": table}))
    assert report.resized == (Resized("pos_embed", (7, 7), (16, 16)),)
    assert report.lines()[1] == "resized: pos_embed 7×7 to 16×16"
    as_sam2 = table.transpose(1, 2).reshape(1, 8, 7, 7)
    same = compilation.module(weights=write(trained | {"pos_embed": as_sam2}))
    assert torch.equal(same.state_dict()["pos_embed"], module.state_dict()["pos_embed"])
    by_module = compilation.module()
    hc.load_weights(by_module, write(trained | {"pos_embed": table}))
    assert torch.equal(by_module.state_dict()["pos_embed"], module.state_dict()["pos_embed"])


def test_both_tables_of_clips_are_resized(tmp_path: Path) -> None:
    narrow = [f"stages.{index}.channels={channels}" for index, channels in enumerate((8, 16, 32, 64))]
    small = hc.compile("hiera_b_16x224", [*narrow, "input.size=64", "input.frames=4"])
    large = hc.compile("hiera_b_16x224", [*narrow, "input.size=[64, 96]", "input.frames=8"])
    save_file(small.module().state_dict(), tmp_path / "w.safetensors")
    module, report = large.load(tmp_path / "w.safetensors")
    assert report.resized == (
        Resized("pos_embed_spatial", (1, 16, 16), (1, 16, 24)),
        Resized("pos_embed_temporal", (2, 1, 1), (4, 1, 1)),
    )
    assert module.eval()(torch.zeros(1, 3, 8, 64, 96)).shape == (1, 400)


def test_a_table_that_is_not_square_needs_the_same_proportions(tmp_path: Path) -> None:
    narrow = ["stages.0.channels=24", *(f"stages.{stage}.depth=1" for stage in range(4))]
    wide, same, square = (
        hc.compile("hiera_b", [*narrow, f"input.size={size}"]) for size in ("[64, 96]", "[128, 192]", "[128, 128]")
    )
    save_file(wide.module().state_dict(), tmp_path / "w.safetensors")
    assert same.load(tmp_path / "w.safetensors")[1].resized == (Resized("pos_embed", (16, 24), (32, 48)),)
    diagnostic = refusal(lambda: square.load(tmp_path / "w.safetensors"))
    assert (diagnostic.code, "the same proportion" in (diagnostic.help or "")) == ("H806", True)


def test_table_of_no_known_grid_is_refused(compilation: hc.Compilation, trained: Weights, write: Write) -> None:
    diagnostic = refusal(lambda: compilation.load(write(trained | {"pos_embed": torch.zeros(1, 50, 8)})))
    assert diagnostic.code == "H806"
    assert "[1, 50, 8]" in diagnostic.message


def test_sam_2_position_gets_one_clear_diagnostic(compilation: hc.Compilation, trained: Weights, write: Write) -> None:
    trunk = {name: weight for name, weight in trained.items() if not name.startswith(("norm.", "head."))}
    trunk = {name.replace("mlp.fc1", "mlp.layers.0").replace("mlp.fc2", "mlp.layers.1"): weight
             for name, weight in trunk.items()}  # fmt: skip
    trunk["pos_embed"] = torch.randn(1, 8, 7, 7)
    sam2 = {f"image_encoder.trunk.{name}": weight for name, weight in trunk.items()}
    assert compilation.load(write(sam2))[1].layout == "SAM 2"
    windowed = sam2 | {"image_encoder.trunk.pos_embed_window": torch.zeros(1, 8, 8, 8)}
    diagnostic = refusal(lambda: compilation.load(write(windowed)))
    assert diagnostic.code == "H807"
    assert "image_encoder.trunk.pos_embed_window" in diagnostic.message
    assert diagnostic.help == "use a spec with position: {kind: abswin, base: [7, 7], window: [8, 8]}"
    wider = windowed | {"image_encoder.trunk.pos_embed": torch.zeros(1, 8, 14, 16)}
    assert "base: [14, 16]" in (refusal(lambda: compilation.load(write(wider))).help or "")


def test_a_checkpoint_with_window_positions_names_the_spec_that_it_fits() -> None:
    weights, expected = (hc.compile(name).module("meta").state_dict() for name in ("hiera_s_abswin_256", "hiera_s"))
    diagnostic = refusal(lambda: match("w", [weights], expected, {}))
    assert (diagnostic.code, diagnostic.help) == ("H807", "this file fits hiera_s_abswin_256")


def test_a_window_s_table_of_another_size_is_refused_and_not_stretched(write: Write) -> None:
    small = [f"stages.{stage}.depth=1" for stage in range(4)]
    compiled = hc.compile("hiera_s_abswin_256", ["input.size=64", *small])
    weights = compiled.module().state_dict()
    assert compiled.load(write(weights | {"pos_embed": torch.zeros(1, 100, 96)}))[1].resized
    diagnostic = refusal(lambda: compiled.load(write(weights | {"pos_embed_window": torch.zeros(1, 100, 96)})))
    assert diagnostic.code == "H806"
    assert diagnostic.message.startswith("pos_embed_window has the shape [1, 100, 96]")


def test_another_architecture_is_refused_with_shapes_and_the_spec_that_fits(tmp_path: Path) -> None:
    small = hc.compile("hiera_s").module("meta")
    torch.save({name: torch.zeros_like(w, device="cpu") for name, w in small.state_dict().items()}, tmp_path / "w.pth")
    diagnostic = refusal(lambda: hc.compile("hiera_b").load(tmp_path / "w.pth"))
    assert diagnostic.code == "H805"
    assert diagnostic.help == "this file fits hiera_s"
    *shown, more, holds = diagnostic.notes
    assert shown[0] == "blocks.1.attn.qkv.weight is [576, 96] in the file, and [288, 96] in the model"
    assert (len(shown), more[:4]) == (5, "and ")
    assert holds.endswith("stages: 1 of 96 channels, 2 of 192 channels, 11 of 384 channels, 2 of 768 channels")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"blocks.0.norm1.bias": None}, "blocks.0.norm1.bias is not in the file, and [8] in the model"),
        ({"pos_embed": None}, "pos_embed is not in the file, and [1, 256, 8] in the model"),
        ({"blocks.5.ls1.gamma": torch.ones(8)}, "blocks.5.ls1.gamma is [8] in the file, and not in the model"),
        ({"norm.bias": torch.ones(3)}, "norm.bias is [3] in the file, and [64] in the model"),
        (
            {"blocks.0.norm1.bias": torch.ones(8, dtype=torch.int8)},
            "blocks.0.norm1.bias holds int8 in the file, and not floating-point numbers",
        ),
        (
            {"head.projection.weight": torch.ones(10, 63)},
            "head.projection.weight is [10, 63] in the file, and [10, 64] in the model",
        ),
    ],
)
def test_a_trunk_that_differs_in_one_weight_is_refused_and_changes_nothing(
    change: dict[str, Tensor | None], difference: str, compilation: hc.Compilation, trained: Weights, write: Write
) -> None:
    weights = {name: weight for name, weight in (trained | change).items() if weight is not None}
    module = compilation.module()
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    diagnostic = refusal(lambda: hc.load_weights(module, write(weights), compilation.graph))
    assert (diagnostic.code, diagnostic.notes[0]) == ("H805", difference)
    assert all(torch.equal(weight, before[name]) for name, weight in module.state_dict().items())


def test_trunk_without_head_leaves_norm_and_head_in_the_file(
    compilation: hc.Compilation, trained: Weights, write: Write
) -> None:
    trunk = hc.Compilation(compilation.source)
    trunk.spec = compilation.spec.model_copy(update={"head": None})
    module, report = trunk.load(write(trained))
    assert set(report.unexpected) == {"norm.weight", "norm.bias", "head.projection.weight", "head.projection.bias"}
    assert isinstance(module, nn.Module)


def test_the_neck_of_a_trunk_whose_weights_are_loaded_starts_as_it_is_made(
    small: list[str], trained: Weights, write: Write
) -> None:
    trunk = {name: weight for name, weight in trained.items() if not name.startswith(("norm.", "head."))}
    changes = [setting for setting in small if not setting.startswith("head")]
    compiled = hc.compile("hiera_t", [*changes, "head=none", "neck={kind: simple_feature_pyramid, norm: none}"])
    module, report = compiled.load(write(trunk))
    assert report.loaded == len(trunk)
    assert report.missing == tuple(name for name in module.state_dict() if name.startswith("simfp_"))
    state = module.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in trunk.items())
    for name in report.missing:
        assert 0 < state[name].abs().max() < 1
        assert 1e-3 < state[name].std() < 1
