"""Checkpoints of plain vision transformers: the class token's row, other tokens, norms, and wrappers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import randomise

VIT = ["input.size=64", "head.classes=10", "stages.0={depth: 1, channels: 12, heads: 3, attention: global}"]
CLIPS = [*VIT, "input.frames=4", "position=separable", "class_token=true", "norm.epsilon=1e-6"]


def compiled(settings: list[str], spec: str = "vit_b") -> hc.Compilation:
    return hc.compile(spec, settings)


def timm_weights(settings: list[str], norm: str = "norm") -> dict[str, Tensor]:
    """Weights that no initialisation gives, under timm's names."""
    module = compiled(settings).module()
    randomise(module)
    found = dict(module.state_dict())
    found["pos_embed"] = torch.cat([found.pop("pos_embed_class"), found["pos_embed"]], dim=1)
    return {key.replace("head.projection", "head").replace("norm.", f"{norm}.", 1) if not key.startswith("blocks")
            else key: value for key, value in found.items()}  # fmt: skip


def load(weights: Mapping[str, Tensor], folder: Path, settings: list[str], spec: str = "vit_b") -> hc.Compilation:
    save_file({key: value.contiguous() for key, value in weights.items()}, folder / "w.safetensors")
    return compiled(settings, spec)


def refusal(weights: Mapping[str, Tensor], folder: Path, settings: list[str]) -> hc.Diagnostic:
    with pytest.raises(hc.SpecError) as caught:
        load(weights, folder, settings).load(folder / "w.safetensors")
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(("size", "resized"), [(64, []), (96, ["pos_embed 4×4 to 6×6"])])
def test_a_table_of_places_alone_gives_the_class_token_no_position(
    size: int, resized: list[str], tmp_path: Path
) -> None:
    weights = timm_weights(VIT)
    weights["pos_embed"] = weights["pos_embed"][:, 1:]
    settings = [*VIT, f"input.size={size}"]
    module, report = load(weights, tmp_path, settings).load(tmp_path / "w.safetensors")
    state = module.state_dict()
    assert ([str(change) for change in report.resized], report.missing, report.unexpected) == (resized, (), ())
    assert not state["pos_embed_class"].any()
    if not resized:
        assert torch.equal(state["pos_embed"], weights["pos_embed"])


def test_rows_of_places_and_token_that_are_a_square_by_chance_are_parted(tmp_path: Path) -> None:
    trained = [*VIT, "input.size=[48, 80]"]
    module, report = load(timm_weights(trained), tmp_path, [*VIT, "input.size=[96, 160]"]).load(
        tmp_path / "w.safetensors"
    )
    assert [str(change) for change in report.resized] == ["pos_embed 3×5 to 6×10"]
    assert torch.equal(module.state_dict()["pos_embed_class"], timm_weights(trained)["pos_embed"][:, :1])


def test_a_table_without_a_class_token_that_is_no_square_is_resized_whole(tmp_path: Path) -> None:
    wide = [*VIT, "class_token=false", "head.pooling=mean", "input.size=[32, 80]"]
    weights = {
        key.replace("head.projection", "head"): value for key, value in compiled(wide).module().state_dict().items()
    }
    report = load(weights, tmp_path, [*wide, "input.size=[64, 160]"]).load(tmp_path / "w.safetensors")[1]
    assert [str(change) for change in report.resized] == ["pos_embed 2×5 to 4×10"]


def test_a_table_of_no_grid_is_said_as_it_is_in_the_file(tmp_path: Path) -> None:
    weights = timm_weights(VIT) | {"pos_embed": torch.zeros(1, 19, 12)}
    diagnostic = refusal(weights, tmp_path, VIT)
    assert diagnostic.code == "H806"
    assert "pos_embed has the shape [1, 19, 12] in the file" in diagnostic.message


def test_a_table_of_no_places_is_refused(tmp_path: Path) -> None:
    assert refusal(timm_weights(VIT) | {"pos_embed": torch.zeros(1, 0, 12)}, tmp_path, VIT).code == "H805"


def test_several_class_tokens_are_not_made_one(tmp_path: Path) -> None:
    diagnostic = refusal(timm_weights(VIT) | {"cls_token": torch.zeros(1, 4, 12)}, tmp_path, VIT)
    assert diagnostic.code == "H805"
    assert diagnostic.notes[0] == "cls_token is [1, 4, 12] in the file, and [1, 1, 12] in the model"


@pytest.mark.parametrize("key", ["dist_token", "reg_token", "register_tokens", "norm_pre.weight"])
def test_what_acts_on_tokens_and_no_spec_has_is_refused(key: str, tmp_path: Path) -> None:
    weights = timm_weights(VIT)
    # As a distilled DeiT has it: one more row in the table.
    weights["pos_embed"] = torch.cat([weights["pos_embed"][:, :1], weights["pos_embed"]], dim=1)
    diagnostic = refusal(weights | {key: torch.zeros(1, 1, 12)}, tmp_path, VIT)
    assert diagnostic.code == "H805"
    assert diagnostic.notes[0] == f"{key} is [1, 1, 12] in the file, and not in the model"


def test_a_head_on_the_norm_of_the_mean_is_refused_where_the_spec_norms_tokens(tmp_path: Path) -> None:
    weights = timm_weights(VIT, norm="fc_norm")
    diagnostic = refusal(weights, tmp_path, VIT)
    assert diagnostic.code == "H808"
    assert "(fc_norm.weight)" in diagnostic.message
    of_the_mean = [*VIT, "head.pooling=mean", "head.norm=after"]
    assert load(weights, tmp_path, of_the_mean).load(tmp_path / "w.safetensors")[1].missing == ()
    other_classes = load(weights, tmp_path, [*VIT, "head.classes=7"]).load(tmp_path / "w.safetensors")[1]
    assert other_classes.skipped == ("head.projection.weight", "head.projection.bias")


@pytest.mark.parametrize("wrapper", ["", "module.", "module._orig_mod."])
def test_head_and_norm_of_transformers_are_found_under_a_wrapper(wrapper: str, tmp_path: Path) -> None:
    weights = timm_weights([*VIT, "head.pooling=mean", "head.norm=after"], norm="fc_norm")
    rules = (
        (r"^(patch_embed|pos_embed|cls_token|blocks)", r"vit.\1"),
        (r"blocks\.", "encoder.layer."),
        (r"patch_embed\.proj", "embeddings.patch_embeddings.projection"),
        (r"pos_embed$", "embeddings.position_embeddings"),
        (r"cls_token", "embeddings.cls_token"),
        (r"attn\.proj", "attention.output.dense"),
        (r"mlp\.fc1", "intermediate.dense"),
        (r"mlp\.fc2", "output.dense"),
        (r"\.norm1", ".layernorm_before"),
        (r"\.norm2", ".layernorm_after"),
        (r"^head", "classifier"),
    )
    theirs: dict[str, Tensor] = {}
    for key, value in weights.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        parts = (
            dict(zip(("query", "key", "value"), value.chunk(3), strict=True)) if ".attn.qkv." in key else {"": value}
        )
        theirs |= {wrapper + key.replace("attn.qkv", f"attention.attention.{part}"): one for part, one in parts.items()}
    settings = [*VIT, "head.pooling=mean", "head.norm=after"]
    module, report = load(theirs, tmp_path, settings).load(tmp_path / "w.safetensors")
    assert (report.layout, report.missing, report.unexpected) == ("transformers' ViT", (), ())
    assert torch.equal(module.state_dict()["norm.bias"], weights["fc_norm.bias"])
    assert torch.equal(module.state_dict()["head.projection.weight"], weights["head.weight"])


@pytest.mark.parametrize("wrapper", ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"])
def test_wrappers_of_torch_around_a_block_are_no_part_of_its_name(wrapper: str, tmp_path: Path) -> None:
    weights = timm_weights(VIT)
    wrapped = {key.replace("blocks.0.", f"blocks.0.{wrapper}."): value for key, value in weights.items()}
    module, report = load(wrapped, tmp_path, VIT).load(tmp_path / "w.safetensors")
    assert (report.missing, report.unexpected) == ((), ())
    assert torch.equal(module.state_dict()["blocks.0.norm1.bias"], weights["blocks.0.norm1.bias"])


def test_mae_of_clips_has_three_projections_and_tables_of_time_and_place(tmp_path: Path) -> None:
    compilation = compiled(CLIPS, "vit_b_16x224")
    module = compilation.module()
    randomise(module)
    weights: dict[str, Tensor] = {}
    for key, value in module.state_dict().items():
        parts = dict(zip("qkv", value.chunk(3), strict=True)) if ".attn.qkv." in key else {"qkv": value}
        key = key.replace("head.projection", "head")
        weights |= {key.replace(".qkv.", f".{part}."): one.contiguous() for part, one in parts.items()}
    save_file(weights, tmp_path / "w.safetensors")
    same, report = compilation.load(tmp_path / "w.safetensors")
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("MAE of clips", (), (), ())
    assert all(torch.equal(value, same.state_dict()[key]) for key, value in module.state_dict().items())


def test_keys_are_shown_without_what_a_terminal_would_obey(tmp_path: Path) -> None:
    weights = timm_weights(VIT) | {"a\nb\x1b[31m": torch.zeros(1)}
    report = load(weights, tmp_path, VIT).load(tmp_path / "w.safetensors")[1]
    assert report.lines()[-1] == "unexpected, not used: a b\\x1b[31m"


def test_many_and_long_keys_that_are_not_used_are_cut(tmp_path: Path) -> None:
    weights = timm_weights(VIT) | {f"{'x' * 500}{index}": torch.zeros(1) for index in range(30)}
    last = load(weights, tmp_path, VIT).load(tmp_path / "w.safetensors")[1].lines()[-1]
    assert last.endswith(f", {'x' * 80}, and 10 more")
