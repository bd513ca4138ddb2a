"""Random specs with random holes: every price and every refusal is what the compiler says."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.profiles import all_profiles
from tests.support.random_specs import Data, Draw, compilation, specs
from tests.support.table_oracle import assert_prices_are_exact, every_choice, space_of

PROFILES = [None, *all_profiles()]
SHIFTED: Data = {"kind": "window", "window": 2, "shift": True, "relative_bias": True}
POOLED = {"kind": "pooled", "kv_stride": 2, "residual": True}
RELATIVE = {"kind": "global", "relative": "decomposed"}
STAGE: dict[str, list[Any]] = {
    "depth": [1, 2, 3, 400],
    "channels": [6, 8, 12, 65536],
    "heads": [1, 2, 3, 4],
    "attention": ["mask_unit", {"kind": "global"}, {"kind": "window", "window": 3}, SHIFTED, POOLED, RELATIVE],
    "first_attention": ["own", "previous"],
    "global_at": [[], [0], [1], [0, 2]],
    "pool": [
        "none",
        "max",
        "merge",
        {"kind": "max", "stride": 3},
        {"kind": "average", "kernel": 3, "padding": 1},
        "conv",
    ],
    "mlp_ratio": [None, 0.05, 2.5, 4],
    "out_channels": ["none", 8, 12],
}
TRUNK: dict[str, list[Any]] = {
    "mask_unit": [1, 2, 4, 6, 8, "none"],
    "class_token": [True, False],
    "layer_scale": ["none", 0.1],
    "mlp_ratio": [0.05, 2, 4],
    "drop_path": [0, 0.3, {"rate": 0.2, "schedule": "constant"}],
    "norm": ["layer_norm", {"kind": "layer_norm", "epsilon": 1e-3}],
    "activation": ["gelu", "relu"],
    "position": ["absolute", "separable"],
    "neck": [
        "none",
        "feature_pyramid",
        "simple_feature_pyramid",
        {"kind": "feature_pyramid", "norm": "layer_norm", "stages": [0, 1]},
    ],
    "head": ["none", {"classes": 3}, {"classes": 5, "dropout": 0.5, "pooling": "class_token"}],
    "mae": ["none", {"mask_ratio": 0.5}, {"mask_ratio": 0.5, "target": "hog"}],
    "patch": [{"kernel": 3, "stride": 2, "padding": 1}, {"kernel": 4, "stride": 4}, {"kernel": 70, "stride": 1}],
    "input": [{"size": 32}, {"size": [24, 48], "channels": 2}, {"size": 16, "frames": 4}],
}


PRETRAINED: dict[str, list[Any]] = {
    "mask_ratio": [0.3, 0.4, 0.5, 0.6, 0.99],
    "multi_scale": [True, False],
    "target": ["pixel", "hog"],
    "norm_target": [True, False],
    "drop_path": [0, 0.2],
}
DECODER: dict[str, list[Any]] = {"depth": [1, 2, 5], "channels": [8, 12], "heads": [1, 2, 3]}
NARROW: dict[str, list[Any]] = {
    "depth": [1, 2, 3],
    "channels": [6, 12, 24],
    "attention": ["mask_unit", {"kind": "global"}, RELATIVE],
    **{key: STAGE[key] for key in ("first_attention", "global_at", "pool", "mlp_ratio", "out_channels")},
}
Place = tuple[Data, dict[str, list[Any]]]


@st.composite
def open_specs(draw: Draw) -> Data:
    """A spec with up to four holes, at most 4 options each, its own value among them."""
    data: Data = deepcopy(draw(specs()))
    return _open(draw, data, [(data, TRUNK), *((stage, STAGE) for stage in data["stages"])])


@st.composite
def open_autoencoders(draw: Draw) -> Data:
    """A spec that can be pretrained with up to four holes, in what it says of pretraining too."""
    data: Data = deepcopy(draw(specs(units=True).filter(_pretrains)))
    decoder: Data = {"depth": 2, "channels": 12, "heads": 2}
    mae = data["mae"] = {"mask_ratio": 0.3, "decoder": decoder}
    trunk = {key: TRUNK[key] for key in ("layer_scale", "mlp_ratio", "drop_path", "norm", "activation", "neck", "head")}
    places = [(data, trunk), (mae, PRETRAINED), (mae, PRETRAINED), (decoder, DECODER)]
    return _open(draw, data, [*places, *((stage, NARROW) for stage in data["stages"])])


def _pretrains(data: Data) -> bool:
    compiled = compilation(data | {"mae": {"mask_ratio": 0.3}})
    try:
        return bool(compiled.spec)
    except SpecError:
        return False


def _open(draw: Draw, data: Data, places: list[Place]) -> Data:
    for _ in range(draw(st.integers(1, 4))):
        place, options = draw(st.sampled_from(places))
        key = draw(st.sampled_from(sorted(options)))
        others = draw(st.lists(st.sampled_from(options[key]), min_size=1, max_size=3))
        place[key] = {"choose": _distinct([*([place[key]] if _is_closed(place.get(key)) else []), *others])}
    if len(data["stages"]) > 1 and draw(st.booleans()):
        # A copy: YAML would write the same stage once, and a reference to it.
        fewer = deepcopy(data["stages"][: draw(st.integers(1, len(data["stages"]) - 1))])
        data["stages"] = {"choose": [data["stages"], fewer]}
    return data


def _is_closed(value: Any) -> bool:
    return value is not None and not (isinstance(value, dict) and "choose" in value)


def _distinct(options: list[Any]) -> list[Any]:
    return [option for place, option in enumerate(options) if option not in options[:place]]


@given(data=open_specs(), profile=st.sampled_from(PROFILES), batch=st.sampled_from([1, 2, 7, 100_000]))
@settings(max_examples=40)
def test_prices_and_refusals_are_the_compilers(data: Data, profile: Any, batch: int) -> None:
    with TemporaryDirectory() as folder:
        space = space_of(data, Path(folder))
    choices = every_choice(space)
    assert_prices_are_exact(space, choices[:: max(1, len(choices) // 12)], profile, batch)


@given(data=open_autoencoders(), profile=st.sampled_from(PROFILES), batch=st.sampled_from([1, 8, 100_000]))
@settings(max_examples=30)
def test_prices_and_refusals_of_autoencoders_are_the_compilers(data: Data, profile: Any, batch: int) -> None:
    with TemporaryDirectory() as folder:
        space = space_of(data, Path(folder))
    choices = every_choice(space)
    assert_prices_are_exact(space, choices[:: max(1, len(choices) // 6)], profile, batch, "mae")
