"""The keys of each public layout, under our names."""

import re
from pathlib import Path

import pytest

from hiera_compiler.weights.layouts import LAYOUTS, recognised

OURS = [
    "patch_embed.proj.weight",
    "pos_embed",
    "blocks.0.norm1.weight",
    "blocks.2.attn.qkv.bias",
    "blocks.2.mlp.fc1.weight",
    "blocks.3.norm2.bias",
    "blocks.3.mlp.fc2.weight",
    "blocks.3.proj.weight",
]
TRANSFORMERS = [
    "embeddings.patch_embeddings.projection.weight",
    "embeddings.position_embeddings",
    "encoder.stages.0.layers.0.layernorm_before.weight",
    "encoder.stages.1.layers.1.attn.qkv.bias",
    "encoder.stages.1.layers.1.mlp.fc1.weight",
    "encoder.stages.2.layers.0.layernorm_after.bias",
    "encoder.stages.2.layers.0.mlp.fc2.weight",
    "encoder.stages.2.layers.0.proj.weight",
]
SAM2 = [re.sub(r"mlp\.fc([12])", lambda at: f"mlp.layers.{int(at[1]) - 1}", key) for key in OURS]
SAM2_TRANSFORMERS = [
    key.replace("patch_embed.proj.", "patch_embed.projection.")
    .replace(".norm", ".layer_norm")
    .replace("mlp.fc1", "mlp.proj_in")
    .replace("mlp.fc2", "mlp.proj_out")
    for key in OURS
]


def under(prefix: str, keys: list[str]) -> list[str]:
    return [prefix + key for key in keys]


CASES = {
    "hiera-transformer": ("hiera-transformer", [*OURS, "norm.bias", "head.projection.bias"]),
    "its pretraining": ("hiera-transformer", [*OURS, "encoder_norm.bias"]),
    "wrapped for many devices": ("hiera-transformer", under("module.", [*OURS, "norm.bias", "head.projection.bias"])),
    "timm": ("timm", [*OURS, "head.norm.bias", "head.fc.bias"]),
    "HieraModel": ("transformers", [*TRANSFORMERS, "pooler.layernorm.bias"]),
    "HieraForImageClassification": (
        "transformers",
        [*under("hiera.", TRANSFORMERS), "hiera.pooler.layernorm.bias", "classifier.bias"],
    ),
    "HieraForPreTraining": ("transformers", [*under("hiera.", TRANSFORMERS), "encoder_norm.bias"]),
    "SAM 2": ("SAM 2", under("image_encoder.trunk.", SAM2)),
    "SAM 2's trunk alone": ("SAM 2", SAM2),
    "Sam2Model": ("transformers' SAM 2", under("vision_encoder.backbone.", SAM2_TRANSFORMERS)),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_keys_become_ours(case: str) -> None:
    name, keys = CASES[case]
    recognition = recognised(keys)
    assert recognition is not None
    layout, prefix = recognition
    assert layout.name == name
    assert list(layout.renamed(keys, prefix).values()) == [*OURS, "norm.bias", "head.projection.bias"][: len(keys)]


def test_keys_beside_the_trunk_keep_their_names() -> None:
    keys = [*under("image_encoder.trunk.", SAM2), "image_encoder.neck.convs.0.weight", "memory_attention.norm.weight"]
    layout, prefix = recognised(keys) or pytest.fail("not recognised")
    assert list(layout.renamed(keys, prefix).values())[len(SAM2) :] == keys[len(SAM2) :]


@pytest.mark.parametrize("keys", [[], ["patch_embed.proj.weight"], ["patch_embed.proj", "cls_token"]])
def test_other_keys_are_not_recognised(keys: list[str]) -> None:
    assert recognised(keys) is None


@pytest.mark.parametrize(
    "keys",
    [
        ["layers.0.blocks.0.patch_embed.proj.weight", "layers.0.blocks.0.layers.5.blocks.3.attn.qkv.weight"],
        ["patch_embed.proj.weight", "layers.0.blocks.0.attn.layers.7.blocks.1.attn.qkv.weight"],
        ["patch_embed.proj.weight", "layers.0.blocks.0.attn.qkv.weight", "layers.9999.downsample.norm.weight"],
    ],
)
def test_stages_in_odd_places_are_renamed_all_the_same(keys: list[str]) -> None:
    layout, prefix = recognised(keys) or pytest.fail("not recognised")
    assert layout.name == "Swin"
    assert list(layout.renamed(keys, prefix)) == keys


def test_the_page_on_weights_lists_every_layout() -> None:
    page = (Path(__file__).parents[3] / "docs" / "weights.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)) - {"layout"} == {layout.name for layout in LAYOUTS}


def test_the_trunk_that_lies_least_deep_is_taken() -> None:
    both = [*under("teacher.model.", OURS), *under("model.", OURS)]
    for keys in (both, both[::-1]):
        found = recognised(keys)
        assert found is not None
        assert found[1] == "model."
